import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { editJson, editTensors, tinyClip } from "../../../test/support/edit-clip.ts";
import { ConfigError, describeError, FileError } from "../../errors.ts";
import { openCheckpoint } from "./folder.ts";

describe("openCheckpoint refuses", () => {
  const cases: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    [
      "no folder",
      (folder) => rm(folder, { recursive: true }),
      /there is no such checkpoint folder .*give a folder with config\.json.* or open_clip_config\.json/,
    ],
    [
      "no config",
      (folder) => rm(join(folder, "config.json")),
      /holds no checkpoint: neither config\.json nor open_clip_config\.json — it needs config\.json, preprocessor_config\.json, model\.safetensors \(Hugging Face layout\) or open_clip_config\.json, open_clip_model\.safetensors/,
    ],
    [
      "no weights",
      (folder) => rm(join(folder, "model.safetensors")),
      /model\.safetensors: there is no such file — put the checkpoint's/,
    ],
    [
      "pickled weights",
      async (folder) => {
        await rm(join(folder, "model.safetensors"));
        await writeFile(join(folder, "pytorch_model.bin"), "");
      },
      /model\.safetensors: there is no such file — only pickled weights/,
    ],
    [
      "a config that is not JSON",
      (folder) => writeFile(join(folder, "config.json"), "{"),
      /config\.json: is not JSON/,
    ],
    [
      "another kind of model",
      (folder) =>
        editJson(join(folder, "config.json"), (json) => Object.assign(json, { model_type: "siglip" })),
      /config\.json: \/model_type: must be equal to constant, but is "siglip"/,
    ],
    [
      "wrong fields, all of them named",
      (folder) =>
        editJson(join(folder, "config.json"), (json) => {
          json.vision_config.hidden_size = "768";
          json.text_config.num_hidden_layers = 0;
        }),
      /\/text_config\/num_hidden_layers: must be >= 1, but is 0; \/vision_config\/hidden_size: must be integer, but is "768"/,
    ],
    [
      "heads that do not divide the width",
      (folder) =>
        editJson(join(folder, "config.json"), (json) =>
          Object.assign(json.vision_config, { num_attention_heads: 3 }),
        ),
      /\/vision_config\/num_attention_heads: 3 heads do not divide the width 16/,
    ],
    [
      "patches that do not divide the image",
      (folder) =>
        editJson(join(folder, "config.json"), (json) => Object.assign(json.vision_config, { image_size: 9 })),
      /\/vision_config\/patch_size: patches of 4 do not divide images of 9/,
    ],
    [
      "an unknown way to resize",
      (folder) =>
        editJson(join(folder, "preprocessor_config.json"), (json) => Object.assign(json, { resample: 1 })),
      /preprocessor_config\.json: \/resample: .*\(2, 3, null\), but is 1/,
    ],
    [
      "a crop of another size than the tower's",
      (folder) =>
        editJson(join(folder, "preprocessor_config.json"), (json) => Object.assign(json, { crop_size: 12 })),
      /\/crop_size: gives 12×12 pixels, but config\.json wants 8×8/,
    ],
    [
      "a mean for another number of channels",
      (folder) =>
        editJson(join(folder, "preprocessor_config.json"), (json) =>
          Object.assign(json, { image_mean: [0, 1] }),
        ),
      /\/image_mean: has 2 values, but the tower takes 3 channels/,
    ],
    [
      "missing, unexpected and misshapen tensors, all of them named",
      (folder) =>
        editTensors(folder, (tensors) => {
          delete tensors["text_projection.weight"];
          tensors.extra = { shape: [1], data: Float32Array.of(0) };
          tensors["vision_model.post_layernorm.bias"] = { shape: [4, 4], data: new Float32Array(16) };
        }),
      /missing: text_projection\.weight; unexpected: extra; .*vision_model\.post_layernorm\.bias is \[4,4\] and should be \[16\]/,
    ],
    [
      "truncated weights",
      async (folder) => {
        const file = join(folder, "model.safetensors");
        await writeFile(file, (await readFile(file)).subarray(0, -10));
      },
      /model\.safetensors: is truncated: tensor/,
    ],
  ];

  it.each(cases)("%s", async (_what, spoil, message) => {
    const folder = await tinyClip();
    await spoil(folder);
    const error = await openCheckpoint(folder).catch((thrown: unknown) => thrown);
    expect(error instanceof FileError || error instanceof ConfigError).toBe(true);
    expect(describeError(error)).toMatch(message);
    expect(describeError(error)).toContain(folder);
  });
});
