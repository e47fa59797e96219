import { describe, expect, it } from "vitest";
import { ANY_ONNX, anyOnnxGolden, feedsOf } from "../../test/support/any-onnx-golden.ts";
import { unpackFloat32 } from "../../test/support/golden-array.ts";
import { expectParity } from "../../test/support/parity.ts";
import { differentiate } from "../autodiff/index.ts";
import { compile } from "../runtime/index.ts";
import { buildModel } from "./build.ts";
import { adamw, createTrainer, loadOnnx, type ModelLoss, markTrainable, sgd } from "./index.ts";
import { weightValues } from "./weights.ts";

const { batch, reference, cases } = anyOnnxGolden;
const loss: ModelLoss = (g, { logits }) => g.crossEntropy(logits!, g.input("labels", "int64", [batch]));

// float32 on both sides: rounding of 2⁻²⁴ through some tens of operators, sums of up to a few hundred terms.
const TOLERANCE = 2e-5;

describe.each(Object.entries(cases))("%s, as torch exports it", (name, golden) => {
  const row = { module: `third-party model ${name}`, reference };
  const load = async () =>
    markTrainable(
      await loadOnnx(`${ANY_ONNX}/${name}.onnx`, { dims: { batch } }),
      Object.keys(golden.params),
    );

  it("computes torch's outputs and gradients", async () => {
    const model = await load();
    const { graph, outputs, parsed, params } = buildModel(model);
    const scalar = loss(graph, outputs, parsed.inputs);
    const gradients = differentiate(
      graph,
      scalar,
      params.map(({ value }) => value),
    );
    const named = Object.fromEntries(params.map(({ spec }, i) => [`d ${spec.name}`, gradients[i]!]));
    const program = await compile(graph, { logits: outputs.logits!, ...named }, { threads: 1 });
    const weights: Record<string, Float32Array> = {};
    for (const { spec } of params) weights[spec.name] = await weightValues(model, spec.name);
    const results = await program.run({ ...feedsOf(golden), ...weights });
    await program.release();
    expect(params.length).toBe(Object.keys(golden.params).length);
    const check = (what: string, actual: ArrayLike<number>, packed: string) =>
      expectParity({ ...row, what, actual, expected: unpackFloat32(packed), tolerance: TOLERANCE });
    check("outputs", results.logits as Float32Array, golden.logits);
    for (const [param, packed] of Object.entries(golden.gradients)) {
      check(`gradient of ${param}`, results[`d ${param}`] as Float32Array, packed);
    }
  });

  it("moves in five steps as with torch", async () => {
    const optimizer =
      golden.optimizer === "sgd"
        ? sgd({ momentum: 0.9, weightDecay: 5e-4 })
        : adamw({ weightDecay: 0.01, ...(golden.epsilon && { epsilon: golden.epsilon }) });
    const trainer = await createTrainer({ model: await load(), loss, optimizer, lr: golden.lr, threads: 1 });
    const losses: number[] = [];
    for (let step = 0; step < golden.losses.length; step++) losses.push(await trainer.step(feedsOf(golden)));
    expectParity({
      ...row,
      what: "losses of five steps",
      actual: losses,
      expected: golden.losses,
      tolerance: TOLERANCE,
    });
    for (const [param, packed] of Object.entries(golden.params)) {
      expectParity({
        ...row,
        what: `${param} after five steps`,
        actual: trainer.parameters.get(param)!,
        expected: unpackFloat32(packed),
        tolerance: TOLERANCE,
      });
    }
    await trainer.release();
  });
});
