import { describe, it } from "vitest";
import { about, type Broken, expectFailure } from "../../../test/support/check-failures.ts";
import { definePeft, type Graph, type Value } from "../../plugin-api/index.ts";

describe("a PEFT method that breaks", () => {
  const method = (
    apply: (g: Graph, declare: (name: string, start?: number) => Value, input: Value, output: Value) => Value,
    more: { startsAtIdentity?: false } = {},
  ) =>
    definePeft({
      ...about,
      ...more,
      begin: (_tower, param) => ({
        apply: (g, { name, block, outWidth }, input, output) =>
          name === "mlp"
            ? apply(
                g,
                (own, value = 0) => param(`${own}.${block}`, [outWidth], { kind: "constant", value }),
                input,
                output,
              )
            : output,
      }),
    });

  it.each<Broken>([
    [
      "its start",
      "start",
      method((g, declare, _, output) => g.mul(output, declare("s", 0.5))),
      /startsAtIdentity: false/,
    ],
    [
      "the shape",
      "shapes",
      method((g, declare, _, output) => g.reduceMean(g.add(output, declare("s")), 1)),
      /block 0, site mlp, `apply` returns float32\[3,1,8\] in place of float32\[3,5,8\]/,
    ],
    [
      "a parameter without use",
      "gradient reaches",
      method((g, declare, _, output) => {
        declare("idle");
        return g.add(output, declare("s"));
      }),
      /no gradient reaches 3 of 6 parameters: "idle.0"/,
    ],
    [
      "everything, by doing nothing",
      "builds",
      definePeft({ ...about, begin: () => ({}) }),
      /declares no parameter/,
    ],
    [
      "its parameters' names",
      "builds",
      definePeft({
        ...about,
        begin: (_tower, param) => ({
          apply: (g, { name, outWidth }, _input, output) =>
            name === "mlp" ? g.add(output, param("s", [outWidth], { kind: "zeros" })) : output,
        }),
      }),
      /"s"/,
    ],
    [
      "images that are mixed",
      "sample alone",
      method((g, declare, _, output) =>
        g.add(output, g.mul(g.sub(output, g.reduceMean(output, 0)), declare("s"))),
      ),
      /an image's features differ by .* between a batch of 1 and of 3/,
    ],
  ])("%s fails", async (...broken) => {
    await expectFailure(broken);
  });
});
