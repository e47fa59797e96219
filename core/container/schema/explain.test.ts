import type { ErrorObject } from "ajv";
import { describe, expect, it } from "vitest";
import { createAjv } from "./ajv.ts";
import { explain } from "./explain.ts";
import { toPointer } from "./problem.ts";

const check = createAjv({ fillDefaults: false }).compile({
  type: "array",
  items: {
    anyOf: [
      { type: "string" },
      {
        type: "object",
        required: ["use"],
        properties: { use: { anyOf: [{ const: "a" }, { type: "null" }] } },
      },
    ],
  },
});
const errorsOf = (data: unknown): readonly ErrorObject[] => {
  check(data);
  return check.errors ?? [];
};
const told = (data: unknown) =>
  explain(errorsOf(data)).map(({ path, problem }) => `${toPointer(path)}: ${problem}`);

describe("explain", () => {
  it("tells of each entry what its own branch has to say, or that none fits", () => {
    expect(told([1, "x", {}, { use: 2 }, [], { use: "a" }])).toEqual([
      "/0: must be a string or a mapping, but is 1",
      '/2: the property "use" is missing',
      '/3/use: must be "a", but is 2',
      "/4: must be a string or a mapping, but is a list",
    ]);
  });

  it("takes time with the number of wrong entries, not with its square", () => {
    /** How often anything is read of the errors of a list. */
    const readsFor = (data: unknown) => {
      let reads = 0;
      const counted = errorsOf(data).map(
        (error) =>
          new Proxy(error, {
            get(target, key) {
              reads += 1;
              return target[key as keyof ErrorObject];
            },
          }),
      );
      expect(explain(counted)).toHaveLength((data as unknown[]).length);
      return reads;
    };
    const [few, many] = [200, 2000].map((length) => readsFor(new Array(length).fill(1))) as [number, number];
    expect(many / few).toBeLessThan(12);
  });
});
