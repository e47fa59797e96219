import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tinyClip } from "../../../../test/support/edit-clip.ts";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { makeTinyOpenClip } from "../../../../test/support/tiny-open-clip.ts";
import { ConfigError, describeError, FileError } from "../../../errors.ts";
import { readWeight } from "../../read-weight.ts";
import { openTokenizer } from "../../tokenizer/index.ts";
import { expectedTensors } from "../expected-tensors.ts";
import { openCheckpoint } from "../folder.ts";
import { readSafetensorsHeader, readTensor, type TensorToWrite, writeSafetensors } from "../safetensors.ts";

const WEIGHTS = "open_clip_model.safetensors";
const CONFIG = "open_clip_config.json";

async function tinyOpenClip(): Promise<string> {
  const folder = await temporaryFolder();
  await makeTinyOpenClip(folder);
  return folder;
}

type Json = Record<"model_cfg" | "preprocess_cfg", Record<string, unknown>> & {
  model_cfg: Record<"vision_cfg" | "text_cfg", Record<string, unknown>>;
};

async function editConfig(folder: string, edit: (json: Json) => void): Promise<void> {
  const json = JSON.parse(await readFile(join(folder, CONFIG), "utf8")) as Json;
  edit(json);
  await writeFile(join(folder, CONFIG), JSON.stringify(json));
}

async function editWeights(
  folder: string,
  edit: (tensors: Record<string, TensorToWrite>) => Record<string, TensorToWrite> | undefined,
): Promise<void> {
  const header = await readSafetensorsHeader(join(folder, WEIGHTS));
  const tensors: Record<string, TensorToWrite> = {};
  for (const [name, { shape }] of header.tensors)
    tensors[name] = { shape, data: await readTensor(header, name) };
  await writeSafetensors(join(folder, WEIGHTS), edit(tensors) ?? tensors);
}

describe("a folder in open_clip's layout", () => {
  it("opens to the config and the weights that the same model has in Hugging Face's", async () => {
    const own = await openCheckpoint(await tinyOpenClip());
    const other = await openCheckpoint(await tinyClip());
    expect([own.layout, other.layout]).toEqual(["open_clip", "Hugging Face"]);
    expect(own.config).toEqual({ ...other.config, text: { ...other.config.text, pooling: "largest-id" } });
    expect(own.logitScale).toBe(other.logitScale);
    for (const [name, shape] of expectedTensors(own.config)) {
      const location = own.locate(name);
      expect(location.shape, name).toEqual(shape);
      expect(await readWeight(location), name).toEqual(await readWeight(other.locate(name)));
    }
    expect(own.preprocessor).toEqual({
      ...other.preprocessor,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    });
  });

  it("reads queries, keys and values out of the fused matrix in place", async () => {
    const { locate, weights } = await openCheckpoint(await tinyOpenClip());
    const fused = weights.locate("visual.transformer.resblocks.1.attn.in_proj_weight");
    for (const [third, part] of ["q", "k", "v"].entries()) {
      const found = locate(`vision_model.encoder.layers.1.self_attn.${part}_proj.weight`);
      expect(found).toEqual({
        ...fused,
        offset: fused.offset + (third * fused.length) / 3,
        length: fused.length / 3,
        shape: [16, 16],
      });
    }
    expect(() => locate("nothing")).toThrow(/open_clip_model\.safetensors: has no tensor "nothing"/);
  });

  it("may name its weights as older versions do, and has a digest of its own files", async () => {
    const folder = await tinyOpenClip();
    const before = await (await openCheckpoint(folder)).digest();
    await rename(join(folder, WEIGHTS), join(folder, "open_clip_pytorch_model.safetensors"));
    expect((await openCheckpoint(folder)).layout).toBe("open_clip");
    await rename(join(folder, "open_clip_pytorch_model.safetensors"), join(folder, WEIGHTS));
    expect(await (await openCheckpoint(folder)).digest()).toBe(before);
    await editConfig(folder, (json) => Object.assign(json.model_cfg, { quick_gelu: false }));
    expect(await (await openCheckpoint(folder)).digest()).not.toBe(before);
  });

  it("takes open_clip's defaults for what the config leaves out", async () => {
    const folder = await tinyOpenClip();
    await writeFile(
      join(folder, CONFIG),
      JSON.stringify({ model_cfg: { embed_dim: 512, vision_cfg: {}, text_cfg: {} } }),
    );
    const message = describeError(await openCheckpoint(folder).catch((thrown: unknown) => thrown));
    // The tiny weights do not fit, and the error says what this config implies.
    for (const implied of [
      "of the CLIP that open_clip_config.json describes",
      "visual.proj is [16,8] and should be [768,512]",
      "visual.conv1.weight is [16,3,4,4] and should be [768,3,16,16]",
      "visual.positional_embedding is [5,16] and should be [197,768]",
      "text_projection is [12,8] and should be [512,512]",
      "missing: visual.transformer.resblocks.2.ln_1.weight",
    ])
      expect(message).toContain(implied);
  });

  it.each([
    [{}, { resize: { shortestEdge: 8 }, crop: { height: 8, width: 8 }, filter: "bicubic" }],
    [
      { resize_mode: "squash", interpolation: "bilinear" },
      { resize: { height: 8, width: 8 }, filter: "bilinear" },
    ],
    [
      { mean: null, std: null, size: 99, mode: "RGB" },
      { imageSize: 8, mean: [0.48145466, 0.4578275, 0.40821073] },
    ],
  ])("reads preprocessing that says %j", async (cfg, expected) => {
    const folder = await tinyOpenClip();
    await editConfig(folder, (json) => Object.assign(json, { preprocess_cfg: cfg }));
    expect((await openCheckpoint(folder)).preprocessor).toMatchObject({
      channels: 3,
      rescale: 1 / 255,
      ...expected,
    });
  });

  it("may write out what is the default anyway", async () => {
    const folder = await tinyOpenClip();
    await editConfig(folder, ({ model_cfg: { vision_cfg, text_cfg } }) => {
      Object.assign(vision_cfg, {
        timm_model_name: null,
        attentional_pool: false,
        pool_type: "tok",
        act_kwargs: {},
      });
      Object.assign(vision_cfg, { patch_dropout: 0.5, image_size: [8, 8], norm_kwargs: { eps: 1e-3 } });
      Object.assign(text_cfg, { pool_type: "argmax", hf_tokenizer_name: "", proj_bias: false, pad_id: 0 });
    });
    const { vision, text } = (await openCheckpoint(folder)).config;
    expect([vision.layerNormEps, text.layerNormEps]).toEqual([1e-3, 1e-5]);
  });

  const refused: [string, (json: Json) => unknown, RegExp][] = [
    [
      "a timm tower",
      ({ model_cfg }) => Object.assign(model_cfg.vision_cfg, { timm_model_name: "convnext_base" }),
      /\/model_cfg\/vision_cfg\/timm_model_name: "convnext_base" is not supported — supported are/,
    ],
    [
      "a ResNet",
      ({ model_cfg }) => Object.assign(model_cfg.vision_cfg, { layers: [3, 4, 6, 3] }),
      /vision_cfg\/layers: \[3,4,6,3\] are the stages of a ResNet/,
    ],
    ...(
      [
        ["vision_cfg", "attentional_pool", true],
        ["vision_cfg", "pos_embed_type", "sin_cos_2d"],
        ["vision_cfg", "pool_type", "avg"],
        ["vision_cfg", "no_ln_pre", true],
        ["vision_cfg", "ls_init_value", 0],
        ["text_cfg", "no_causal_mask", true],
        ["text_cfg", "pool_type", "last"],
        ["text_cfg", "embed_cls", true],
        ["text_cfg", "proj_bias", true],
        ["text_cfg", "hf_model_name", "xlm-roberta-base"],
        ["text_cfg", "act_kwargs", { approximate: "tanh" }],
      ] as const
    ).map(([tower, field, value]): [string, (json: Json) => unknown, RegExp] => [
      `${tower}.${field} ${JSON.stringify(value)}`,
      ({ model_cfg }) => Object.assign(model_cfg[tower], { [field]: value }),
      new RegExp(`/model_cfg/${tower}/${field}: .* is not supported`),
    ]),
    [
      "CoCa",
      ({ model_cfg }) => Object.assign(model_cfg, { multimodal_cfg: { layers: 12 } }),
      /\/model_cfg\/multimodal_cfg: .* is not supported/,
    ],
    [
      "SigLIP's bias",
      ({ model_cfg }) => Object.assign(model_cfg, { init_logit_bias: -10 }),
      /\/model_cfg\/init_logit_bias: -10 is not supported/,
    ],
    [
      "a field it has never heard of",
      ({ model_cfg }) => Object.assign(model_cfg.vision_cfg, { rope: true }),
      /vision_cfg\/rope: is a field that is not known here and may change the model/,
    ],
    [
      "layers that no model has",
      ({ model_cfg }) => Object.assign(model_cfg.text_cfg, { layers: 1e9 }),
      /text_cfg\/layers: must be <= 1000/,
    ],
    [
      "wrong types",
      ({ model_cfg }) => Object.assign(model_cfg.text_cfg, { width: "512" }),
      /open_clip_config\.json: \/model_cfg\/text_cfg\/width: must be integer, but is "512"/,
    ],
    [
      "images that are not square",
      ({ model_cfg }) => Object.assign(model_cfg.vision_cfg, { image_size: [8, 12] }),
      /vision_cfg\/image_size: \[8,12\] is not square/,
    ],
    [
      "heads that do not divide the width",
      ({ model_cfg }) => Object.assign(model_cfg.vision_cfg, { head_width: 5 }),
      /vision_cfg\/head_width: 3 heads do not divide the width 16/,
    ],
    [
      "a head wider than the tower",
      ({ model_cfg }) => Object.assign(model_cfg.vision_cfg, { head_width: 64 }),
      /vision_cfg\/head_width: 0 heads do not divide the width 16/,
    ],
    [
      "a way of resizing that is not there",
      (json) => Object.assign(json.preprocess_cfg, { resize_mode: "longest" }),
      /\/preprocess_cfg\/resize_mode: .*\("shortest", "squash", null\), but is "longest"/,
    ],
  ];
  it.each(refused)("is refused for %s", async (_what, edit, message) => {
    const folder = await tinyOpenClip();
    await editConfig(folder, edit);
    const error = await openCheckpoint(folder).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(describeError(error)).toMatch(message);
    expect(describeError(error)).toContain(join(folder, CONFIG));
  });

  it("is refused for tensors that are missing, unexpected or misshapen, by their names in the file", async () => {
    const folder = await tinyOpenClip();
    await editWeights(folder, (tensors) => {
      delete tensors["visual.transformer.resblocks.0.attn.in_proj_bias"];
      tensors.logit_bias = { shape: [], data: Float32Array.of(0) };
      tensors.text_projection = { shape: [8, 12], data: new Float32Array(96) };
      return undefined;
    });
    const error = await openCheckpoint(folder).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FileError);
    expect(describeError(error)).toMatch(
      /open_clip_model\.safetensors: .*missing: visual\.transformer\.resblocks\.0\.attn\.in_proj_bias; unexpected: logit_bias; .*text_projection is \[8,12\] and should be \[12,8\]/,
    );
  });

  it("may keep its text tower in a module of its own", async () => {
    const folder = await tinyOpenClip();
    const plain = await openCheckpoint(folder);
    const name = "text_model.encoder.layers.0.self_attn.k_proj.bias";
    const before = await readWeight(plain.locate(name));
    await editWeights(folder, (tensors) =>
      Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => [
          name.startsWith("visual.") || name === "logit_scale" ? name : `text.${name}`,
          tensor,
        ]),
      ),
    );
    const custom = await openCheckpoint(folder);
    expect(await readWeight(custom.locate(name))).toEqual(before);
  });

  it.each([
    [
      [],
      /open_clip_model\.safetensors: there is no such file — put the checkpoint's open_clip_model\.safetensors/,
    ],
    [["open_clip_pytorch_model.bin"], /only pickled weights are here \(open_clip_pytorch_model\.bin\)/],
  ])("says what to do without weights, with %j", async (others, message) => {
    const folder = await tinyOpenClip();
    await rm(join(folder, WEIGHTS));
    for (const name of others) await writeFile(join(folder, name), "");
    expect(describeError(await openCheckpoint(folder).catch((thrown: unknown) => thrown))).toMatch(message);
  });

  it("says where to take a tokenizer from when it was published without", async () => {
    const folder = await tinyOpenClip();
    for (const name of ["tokenizer.json", "vocab.json"]) await rm(join(folder, name));
    expect(describeError(await openTokenizer(folder, 16).catch((thrown: unknown) => thrown))).toMatch(
      /holds no tokenizer: .*copy those of any CLIP repository \(openai\/clip-vit-base-patch16\)/,
    );
  });
});
