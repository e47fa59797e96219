import { truncateSync } from "node:fs";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { EXCHANGE } from "../../../test/support/exchange-cases.ts";
import { floats, golden } from "../../../test/support/exchange-golden.ts";
import { relativeError } from "../../../test/support/parity.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { trainedMember, trainedModel } from "../../../test/support/trained-model.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { HEADS, type HeadType } from "../../models/heads/index.ts";
import type { PeftPlugin } from "../../plugin-api/index.ts";
import { compile } from "../../runtime/index.ts";
import type { TrainedModel } from "../trained-model/trained-model.ts";
import { classifierGraph } from "./classifier-graph.ts";
import { exportOnnx } from "./export-onnx.ts";

const clip = join(EXCHANGE, "clip");
const BATCH = 3;
const pixels = floats(golden.pixels).slice(0, BATCH * 3 * 64);

let registry: PluginRegistry;
beforeAll(async () => {
  registry = resolve(await createContainer(), "registry");
});

const chosen = (use: string, options: Readonly<Record<string, unknown>> = {}) => {
  const checked = registry.checkOptions("peft", use, options);
  if (!checked.ok) throw new Error(`${use}: ${JSON.stringify(checked.problems)}`);
  return { plugin: registry.get("peft", use) as PeftPlugin, options: checked.options };
};

/** Logits of the same images from the static graph that evaluation runs, and from the file. */
async function both(model: TrainedModel): Promise<[Float32Array, Float32Array]> {
  const { graph, outputs, params } = classifierGraph(model, BATCH);
  const program = await compile(graph, { "own.logits": outputs.logits }, { threads: 1 });
  const own = await program.run({ pixel_values: pixels, ...Object.fromEntries(params) });
  await program.release();
  const file = join(await temporaryFolder(), "model.onnx");
  await exportOnnx(model, file);
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
  const out = await session.run({ pixel_values: new Tensor("float32", pixels, [BATCH, 3, 8, 8]) });
  await session.release();
  return [own["own.logits"] as Float32Array, out.logits!.data as Float32Array];
}

describe("exporting to ONNX", () => {
  it("works for every method and every head", async () => {
    const methods = registry.list("peft").map(({ plugin }) => plugin.name);
    expect(methods).toEqual(expect.arrayContaining(["adaptformer", "full", "lora", "ssf", "vpt-deep"]));
    const heads = Object.keys(HEADS) as HeadType[];
    for (const [i, method] of methods.entries()) {
      const headType = heads[i % heads.length]!;
      const model = await trainedModel({ folder: clip, classes: 4, peft: [chosen(method)], headType });
      const [own, exported] = await both(model);
      expect(relativeError(exported, own), `${method} with ${headType} head`).toBeLessThan(1e-5);
    }
  }, 60_000);

  it("works for methods together, for none, and for images of another size", async () => {
    const peft = [chosen("adaptformer"), chosen("vpt-deep", { tokens: 2 }), chosen("layer-norm")];
    for (const model of [
      await trainedModel({ folder: clip, classes: 4, peft }),
      await trainedModel({ folder: clip, classes: 4, peft: [] }),
    ]) {
      const [own, exported] = await both(model);
      expect(relativeError(exported, own)).toBeLessThan(1e-5);
    }
    const file = join(await temporaryFolder(), "model.onnx");
    await exportOnnx(
      await trainedModel({ folder: clip, classes: 4, peft: [], overrides: { imageSize: 16 } }),
      file,
    );
    const session = await InferenceSession.create(file);
    const out = await session.run({
      pixel_values: new Tensor("float32", new Float32Array(2 * 768), [2, 3, 16, 16]),
    });
    expect(out.logits!.dims).toEqual([2, 4]);
    await session.release();
  });

  it("gives equal bytes for equal models", async () => {
    const folder = await temporaryFolder();
    const write = async (name: string) => {
      const model = await trainedModel({ folder: clip, classes: 4, peft: [chosen("lora")] });
      await exportOnnx(model, join(folder, name));
      return readFile(join(folder, name));
    };
    expect((await write("a.onnx")).equals(await write("b.onnx"))).toBe(true);
  });

  it("refuses parameters of another configuration, and weights that are gone", async () => {
    const out = join(await temporaryFolder(), "model.onnx");
    const model = await trainedModel({ folder: clip, classes: 4, peft: [chosen("lora", { rank: 2 })] });
    const [member] = model.members;
    const other = { ...model, members: [{ ...member!, peft: [chosen("lora", { rank: 3 })] }] };
    await expect(exportOnnx(other, out)).rejects.toThrowError(
      /clip: the trained parameter "lora.0.attn.q.a" is of shape \[2,16\], not \[3,16\]/,
    );
    const fewer = { ...model, members: [{ ...member!, peft: [] }] };
    await expect(exportOnnx(fewer, out)).rejects.toThrowError(
      /nothing in the model takes the trained lora\.0/,
    );

    const copy = await temporaryFolder();
    await cp(clip, copy, { recursive: true });
    const spoilt = await trainedModel({ folder: copy, classes: 4, peft: [] });
    truncateSync(join(copy, "model.safetensors"), 9000);
    await expect(exportOnnx(spoilt, out)).rejects.toThrowError(/model\.safetensors: ends after/);
  });

  it("refuses to combine backbones that want different images", async () => {
    const folder = await temporaryFolder();
    await makeTinyClip(join(folder, "grey"), { visionWidth: 16, channels: 1 });
    await makeTinyClip(join(folder, "same"), { visionWidth: 12 });
    const member = (path: string) => trainedMember({ folder: path, classes: 4, peft: [] });
    const model = await trainedModel({ folder: clip, classes: 4, peft: [] });
    const of = async (path: string): Promise<TrainedModel> => ({
      ...model,
      members: [...model.members, await member(path)],
      predict: (g, [a, b]) => g.add(a!, b!),
      strataPrior: [0.5, 0.5],
    });
    await expect(exportOnnx(await of(join(folder, "grey")), join(folder, "m.onnx"))).rejects.toThrowError(
      /grey: prepares images in another way than .*clip, and the exported model has one input/,
    );
    const [own, exported] = await both(await of(join(folder, "same")));
    expect(relativeError(exported, own)).toBeLessThan(1e-5);
  });
});
