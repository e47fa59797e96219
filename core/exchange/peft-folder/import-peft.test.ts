import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXCHANGE } from "../../../test/support/exchange-cases.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import {
  readSafetensorsHeader,
  readTensor,
  type TensorToWrite,
  writeSafetensors,
} from "../../models/checkpoint/safetensors.ts";
import { importPeftFolder } from "./import-peft.ts";

/** A copy of a committed folder with fields of its config and tensors changed. */
async function folderWith({
  of = "peft-lora",
  config = {},
  tensors = (all) => all,
}: {
  of?: string;
  config?: Readonly<Record<string, unknown>>;
  tensors?: (all: Record<string, TensorToWrite>) => Record<string, TensorToWrite>;
}): Promise<string> {
  const folder = await temporaryFolder();
  await cp(join(EXCHANGE, of), folder, { recursive: true });
  const file = join(folder, "adapter_config.json");
  const own = JSON.parse(await readFile(file, "utf8")) as object;
  await writeFile(file, JSON.stringify({ ...own, ...config }));
  const weights = join(folder, "adapter_model.safetensors");
  const header = await readSafetensorsHeader(weights);
  const all: Record<string, TensorToWrite> = {};
  for (const [name, { shape }] of header.tensors) all[name] = { shape, data: await readTensor(header, name) };
  await writeSafetensors(weights, tensors(all));
  return folder;
}

const FIRST = "base_model.model.encoder.layers.0.self_attn.q_proj.lora_A.weight";
const without = (name: RegExp) => (all: Record<string, TensorToWrite>) =>
  Object.fromEntries(Object.entries(all).filter(([own]) => !name.test(own)));

describe("an adapter_config.json that cannot be used names the field", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["DoRA", { use_dora: true }, /adapter_config\.json: \/use_dora: true is not supported \(DoRA/],
    ["ranks per layer", { rank_pattern: { q_proj: 8 } }, /\/rank_pattern: \{"q_proj":8\} is not supported/],
    ["scalings per layer", { alpha_pattern: { q_proj: 8 } }, /\/alpha_pattern: /],
    ["trained biases", { bias: "all" }, /\/bias: "all" is not supported/],
    ["other modules", { modules_to_save: ["classifier"] }, /\/modules_to_save: /],
    ["another base", { init_lora_weights: "pissa" }, /\/init_lora_weights: "pissa" is not supported/],
    [
      "a field from the future",
      { use_magic: { strength: 3 } },
      /\/use_magic: \{"strength":3\} is not supported/,
    ],
    ["another method", { peft_type: "ADALORA" }, /\/peft_type: ADALORA adapters are not supported/],
    ["no rank", { r: "three" }, /\/r: must be integer, but is "three"/],
    [
      "a rank that the weights have not",
      { r: 4 },
      /layers\.0\.mlp\.fc1\.lora_A\.weight has shape \[3,16\], not of rank 4/,
    ],
    [
      "modules that the weights have not",
      { target_modules: ["q_proj", "conv1"] },
      /\/target_modules: the weights hold nothing for conv1/,
    ],
    [
      "blocks that the weights have not",
      { layers_to_transform: [0, 1, 2, 3] },
      /lacks layers\.3\.self_attn\.q_proj\.lora_A\.weight.* and 6 more/,
    ],
  ])("%s", async (_what, config, message) => {
    await expect(importPeftFolder(await folderWith({ config }))).rejects.toThrowError(message);
  });

  it("but fields that say nothing are passed over", async () => {
    const config = {
      use_magic: null,
      new_options: {},
      other: false,
      lora_dropout: 0.5,
      init_lora_weights: "gaussian",
    };
    expect((await importPeftFolder(await folderWith({ config }))).options).toMatchObject({
      rank: 3,
      alpha: 6,
    });
  });
});

describe("tensors that do not make an adapter are listed", () => {
  it.each<[string, (all: Record<string, TensorToWrite>) => Record<string, TensorToWrite>, RegExp]>([
    [
      "one of a pair",
      without(/layers\.1\.self_attn\.v_proj\.lora_B/),
      /lacks layers\.1\.self_attn\.v_proj\.lora_B\.weight —|lacks layers\.1\.self_attn\.v_proj\.lora_B\.weight$/,
    ],
    [
      "a module of one block",
      without(/layers\.2\.mlp\.fc1/),
      /lacks layers\.2\.mlp\.fc1\.lora_A\.weight, layers\.2\.mlp\.fc1\.lora_B\.weight/,
    ],
    [
      "the text tower's",
      (all) => ({ ...all, [FIRST.replace("encoder", "text_model.encoder")]: all[FIRST]! }),
      /tensors of no module.*text_model\.encoder\.layers\.0/,
    ],
    [
      "those of no module",
      (all) => ({ ...all, "classifier.weight": all[FIRST]! }),
      /tensors of no module.*classifier\.weight/,
    ],
    [
      "another method's",
      (all) => ({ ...all, [FIRST.replace("lora_A", "ln_tuning_layers")]: all[FIRST]! }),
      /tensors of no module.*ln_tuning_layers/,
    ],
    ["none", () => ({}), /holds no tensors/],
    [
      "two that should be one",
      (all) => ({
        ...all,
        [FIRST.replace("encoder", "vision_model.encoder")]: { ...all[FIRST]!, data: new Float32Array(48) },
      }),
      /two different layers\.0\.self_attn\.q_proj\.lora_A\.weight/,
    ],
  ])("%s", async (_what, tensors, message) => {
    await expect(importPeftFolder(await folderWith({ tensors }))).rejects.toThrowError(message);
  });

  it("also blocks that only the base model shows to be missing", async () => {
    const folder = await folderWith({ tensors: without(/layers\.2\./) });
    expect((await importPeftFolder(folder)).options).toMatchObject({ blocks: [0, 2] });
    await expect(importPeftFolder(folder, { layers: 3 })).rejects.toThrowError(
      /lacks layers\.2\.self_attn\.q_proj/,
    );
  });

  it("and one LayerNorm of two", async () => {
    const folder = await folderWith({
      of: "peft-layer-norm",
      config: { target_modules: ["layer_norm1"] },
      tensors: without(/layer_norm2/),
    });
    await expect(importPeftFolder(folder)).rejects.toThrowError(
      /holds nothing for layer_norm2; the method trains both/,
    );
  });
});

describe("files that are not there", () => {
  it("are named", async () => {
    const folder = await folderWith({});
    const weights = join(folder, "adapter_model.safetensors");
    await rename(weights, join(folder, "adapter_model.bin"));
    await expect(importPeftFolder(folder)).rejects.toThrowError(/only pickled weights are here/);
    await rm(join(folder, "adapter_model.bin"));
    await expect(importPeftFolder(folder)).rejects.toThrowError(
      /adapter_model\.safetensors: there is no such file/,
    );
    await rm(join(folder, "adapter_config.json"));
    await expect(importPeftFolder(folder)).rejects.toThrowError(
      /adapter_config\.json: there is no such file/,
    );
  });
});
