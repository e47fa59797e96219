import { describe, expect, it } from "vitest";
import { createGraph, modelOf } from "../../graph/index.ts";
import { embedWeights, externalWeights } from "./weights.ts";

/** A model with one weight of 3 GB in a file that is not there. */
function huge() {
  const g = createGraph();
  const weight = g.initializer("weight", "float32", [750_000_000], {
    kind: "file",
    file: "/nowhere/model.safetensors",
    offset: 0,
    length: 3e9,
  });
  return modelOf(g, { y: g.mul(g.input("x", "float32", [1]), weight) }).model;
}

describe("weights of an ONNX file", () => {
  it("beyond the limit of a protobuf file are refused before anything is read, and go beside the model", async () => {
    await expect(embedWeights(huge(), new Map())).rejects.toThrowError(/2\.8 GiB of weights.*at most 2 GiB/);
    const { model, bytes } = await externalWeights(huge(), new Map(), "m.onnx.data");
    expect(bytes).toBe(3e9);
    const entries = model.graph.initializer![0]!.externalData!.map(({ key, value }) => [key, value]);
    expect(entries).toEqual([
      ["location", "m.onnx.data"],
      ["offset", "0"],
      ["length", "3000000000"],
    ]);
  });

  it("of a checkpoint that is gone are an error that names the file", async () => {
    const g = createGraph();
    const source = { kind: "file", file: "/nowhere/model.safetensors", offset: 8, length: 8 } as const;
    const weight = g.initializer("weight", "float32", [2], source);
    const { model } = modelOf(g, { y: g.exp(weight) });
    await expect(embedWeights(model, new Map())).rejects.toThrowError(/nowhere\/model\.safetensors/);
  });
});
