import { cp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { editJson, editTensors, tinyClip } from "../../../test/support/edit-clip.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { FileError } from "../../errors.ts";
import { openCheckpoint } from "./folder.ts";
import { readSafetensorsHeader, type TensorToWrite, writeSafetensors } from "./safetensors.ts";

describe("openCheckpoint", () => {
  it.each(["F32", "F16", "BF16"] as const)("reads config, preprocessing and %s weights", async (dtype) => {
    const folder = await tinyClip({ dtype, activation: "gelu", channels: 1, layers: 3, imageSize: 12 });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.config).toEqual({
      projectionDim: 8,
      vision: {
        width: 16,
        layers: 3,
        heads: 2,
        mlpWidth: 64,
        activation: "gelu",
        layerNormEps: 1e-5,
        patchSize: 4,
        imageSize: 12,
        channels: 1,
      },
      text: {
        width: 12,
        layers: 3,
        heads: 2,
        mlpWidth: 48,
        activation: "gelu",
        layerNormEps: 1e-5,
        vocabSize: 537,
        contextLength: 16,
        eosTokenId: 536,
        pooling: "first-eos",
      },
    });
    expect(checkpoint.preprocessor).toMatchObject({
      channels: 1,
      imageSize: 12,
      resize: { shortestEdge: 12 },
      crop: { height: 12, width: 12 },
      filter: "bicubic",
      mean: [0.48145466],
    });
    expect(checkpoint.logitScale).toBeCloseTo(2.6592, 2);
    const { file, offset, length, shape, dtype: stored } = checkpoint.locate("visual_projection.weight");
    expect(shape).toEqual([8, 16]);
    expect(stored).toBe({ F32: "float32", F16: "float16", BF16: "bfloat16" }[dtype]);
    const header = await readSafetensorsHeader(file);
    expect(header.tensors.get("visual_projection.weight")).toMatchObject({ offset, length });
    expect(() => checkpoint.locate("nothing")).toThrow('has no tensor "nothing"');
  });

  it("takes transformers' defaults for what the config leaves out, and for old configs what they were made from", async () => {
    const folder = await tinyClip();
    await editJson(join(folder, "config.json"), (json) => {
      json.vision_config = { image_size: 64 };
      json.text_config = { eos_token_id: 2, hidden_size: 9999 };
      json.text_config_dict = { hidden_size: 640, eos_token_id: 2 };
      delete json.projection_dim;
    });
    await rm(join(folder, "preprocessor_config.json"));
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify({ size: 64, crop_size: 64 }));
    const error = (await openCheckpoint(folder).catch((thrown: unknown) => thrown)) as FileError;
    // The tiny weights do not fit, and the error says what this config implies.
    for (const implied of [
      "visual_projection.weight is [8,16] and should be [512,768]",
      "text_projection.weight is [8,12] and should be [512,640]",
      "vision_model.embeddings.patch_embedding.weight is [16,3,4,4] and should be [768,3,32,32]",
      "vision_model.embeddings.position_embedding.weight is [5,16] and should be [5,768]",
      "text_model.embeddings.token_embedding.weight is [537,12] and should be [49408,640]",
      "missing: vision_model.encoder.layers.2.layer_norm1.weight",
    ]) {
      expect(error.message).toContain(implied);
    }
  });

  it("knows the end-of-text id of old checkpoints", async () => {
    const folder = await tinyClip();
    await editJson(join(folder, "config.json"), (json) => {
      json.text_config.eos_token_id = 2;
    });
    expect((await openCheckpoint(folder)).config.text).toMatchObject({
      eosTokenId: 2,
      pooling: "largest-id",
    });
  });

  it.each([
    [
      { size: 10, crop_size: 8, resample: 2 },
      { resize: { shortestEdge: 10 }, filter: "bilinear" },
    ],
    [
      { size: { height: 8, width: 8 }, do_center_crop: false },
      { resize: { height: 8, width: 8 }, crop: undefined },
    ],
    [
      { do_resize: false, do_rescale: false, do_normalize: false },
      { resize: undefined, rescale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    ],
    [
      { image_mean: [0.25], image_std: [0.5] },
      { mean: [0.25, 0.25, 0.25], std: [0.5, 0.5, 0.5] },
    ],
  ])("reads a preprocessor that says %j", async (json, expected) => {
    const folder = await tinyClip();
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(json));
    expect((await openCheckpoint(folder)).preprocessor).toMatchObject(expected);
  });

  it("ignores position_ids, and takes a logit scale of shape [1]", async () => {
    const folder = await tinyClip();
    await editTensors(folder, (tensors) => {
      tensors["text_model.embeddings.position_ids"] = { shape: [1, 2], data: BigInt64Array.of(0n, 1n) };
      tensors.logit_scale = { shape: [1], data: Float32Array.of(3) };
    });
    expect((await openCheckpoint(folder)).logitScale).toBe(3);
  });

  it("reads weights in several files", async () => {
    const folder = await tinyClip();
    const whole = await openCheckpoint(folder);
    const map: Record<string, string> = {};
    const parts: Record<string, TensorToWrite>[] = [{}, {}];
    for (const [i, [name, { shape }]] of [...whole.weights.tensors].entries()) {
      parts[i % 2]![name] = { shape, data: await whole.weights.read(name) };
      map[name] = `model-0000${(i % 2) + 1}-of-00002.safetensors`;
    }
    await rm(join(folder, "model.safetensors"));
    for (const [i, part] of parts.entries())
      await writeSafetensors(join(folder, `model-0000${i + 1}-of-00002.safetensors`), part);
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    const sharded = await openCheckpoint(folder);
    expect(sharded.weights.files).toHaveLength(2);
    expect(sharded.logitScale).toBe(whole.logitScale);
    expect(sharded.locate("visual_projection.weight").file).toBe(
      join(folder, map["visual_projection.weight"]!),
    );

    await writeFile(
      join(folder, "model.safetensors.index.json"),
      JSON.stringify({ weight_map: { ...map, extra: "model-00001-of-00002.safetensors" } }),
    );
    await expect(openCheckpoint(folder)).rejects.toThrow('00001-of-00002.safetensors: has no tensor "extra"');
  });

  it("locates tensors in the file that a link leads to", async () => {
    const folder = await tinyClip();
    const other = await temporaryFolder();
    await cp(join(folder, "model.safetensors"), join(other, "blob"));
    await rm(join(folder, "model.safetensors"));
    await symlink(join(other, "blob"), join(folder, "model.safetensors"));
    expect((await openCheckpoint(folder)).locate("logit_scale").file).toBe(join(other, "blob"));
  });

  it("has a digest of its contents, not of its place", async () => {
    const [one, same, different] = [await tinyClip(), await tinyClip(), await tinyClip({ seed: 1 })];
    const digest = async (folder: string) => (await openCheckpoint(folder)).digest();
    expect(await digest(one)).toMatch(/^[0-9a-f]{64}$/);
    expect(await digest(one)).toBe(await digest(same));
    expect(await digest(one)).not.toBe(await digest(different));
    const before = await digest(one);
    await editJson(join(one, "config.json"), (json) => {
      json.vision_config.hidden_act = "gelu";
    });
    await utimes(join(one, "config.json"), new Date(), new Date(Date.now() + 5000));
    expect(await digest(one)).not.toBe(before);
  });
});
