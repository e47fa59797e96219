import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { plugin as adaptformer } from "../../../plugins/peft/adaptformer/index.ts";
import { EXCHANGE, methodNamed } from "../../../test/support/exchange-cases.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { trainedModel } from "../../../test/support/trained-model.ts";
import type { PeftPlugin } from "../../plugin-api/index.ts";
import { exportPeftFolder } from "./export-peft.ts";
import { importPeftFolder } from "./import-peft.ts";

const clip = join(EXCHANGE, "clip");
const lora = { plugin: methodNamed("lora"), options: { rank: 2, alpha: 4, attention: true, mlp: false } };
const layerNorm = { plugin: methodNamed("layer-norm"), options: {} };

async function exported(peft: readonly { plugin: PeftPlugin; options: Record<string, unknown> }[]) {
  const folder = await temporaryFolder();
  const model = await trainedModel({ folder: clip, classes: 4, peft, headType: "linear" });
  await exportPeftFolder(model, model.members[0]!, folder);
  return { folder, model, member: model.members[0]! };
}

describe("a PEFT folder", () => {
  it.each([lora, layerNorm])("comes back as it was", async (method) => {
    const { folder, model, member } = await exported([method]);
    const read = await importPeftFolder(folder, { layers: 3 });
    expect(read.method).toBe(method.plugin.name);
    const params = new Map([
      ...read.params,
      ...[...read.head!.params].map(([name, { data }]) => [name, data] as const),
    ]);
    expect([...params.keys()].sort()).toEqual([...member.params.keys()].sort());
    for (const [name, { data }] of member.params) expect(params.get(name), name).toEqual(data);
    expect(read.head).toMatchObject({
      label: model.label,
      classNames: model.classNames,
      loss: model.loss,
      head: { type: "linear", scale: 25 },
    });
  });

  it("names the base model as peft does", async () => {
    const { folder } = await exported([lora]);
    const config = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({
      peft_type: "LORA",
      r: 2,
      lora_alpha: 4,
      target_modules: ["q_proj", "v_proj"],
      base_model_name_or_path: clip,
      revision: null,
    });
    expect(config).not.toHaveProperty("layers_to_transform");
  });

  it("is refused for what peft has no adapter for, saying which parameters", async () => {
    const bottleneck = { plugin: adaptformer as PeftPlugin, options: { bottleneck: 2 } };
    await expect(exported([bottleneck])).rejects.toThrowError(
      /clip: Hugging Face peft has no adapter for adaptformer \(adaptformer\.0\..* more\)/,
    );
    await expect(exported([lora, layerNorm])).rejects.toThrowError(/no adapter for lora \+ layer-norm/);
    await expect(exported([])).rejects.toThrowError(/only the head was trained/);
  });
});
