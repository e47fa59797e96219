import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXCHANGE } from "../../../test/support/exchange-cases.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { trainedModel } from "../../../test/support/trained-model.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { writeModelFile } from "../../exchange/index.ts";
import { writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import type { LossRecipe, PeftPlugin } from "../../plugin-api/index.ts";
import type { ModelOutput, TrackedRun } from "../../tracking/tracker.ts";
import type { ModelsConfig } from "../config/types.ts";
import type { Cell } from "../plan/index.ts";
import type { ExecutionContext } from "./context.ts";
import { logModel, MODEL_FOLDER } from "./log-model.ts";

let registry: PluginRegistry;
let folder: string;
beforeAll(async () => {
  registry = resolve(await createContainer(), "registry");
  folder = await mkdtemp(join(tmpdir(), "dualtail-log-model-"));
  const peft = { plugin: registry.get("peft", "bias") as PeftPlugin, options: {} };
  const { classNames, loss, label, members, strataPrior } = await trainedModel({
    folder: join(EXCHANGE, "clip"),
    classes: 4,
    peft: [peft],
  });
  const [member] = members;
  await writeModelFile(folder, {
    label,
    loss,
    classNames,
    strataPrior,
    combines: [],
    plugins: { specifiers: [], baseDir: folder },
    members: [
      {
        label: member!.label,
        location: member!.location,
        prefix: "",
        head: { type: member!.headType, scale: member!.headScale },
        peft: [{ use: "bias", options: {} }],
      },
    ],
  });
  await writeSafetensors(
    join(folder, "adapters.safetensors"),
    Object.fromEntries(
      [...member!.params].map(([name, { shape, data }]) => [name, { dtype: "F32" as const, shape, data }]),
    ),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Logs the model of a cell and returns what the run was given. */
async function logged(
  config: ModelsConfig | undefined,
  cellFolder: string,
  recipe: Partial<LossRecipe> = {},
) {
  const models: ModelOutput[] = [];
  let tags: Readonly<Record<string, string>> = {};
  const warnings: string[] = [];
  const lines: string[] = [];
  const run = {
    logModel: async (model: ModelOutput) => {
      models.push(model);
    },
    setTags: async (own: typeof tags) => {
      tags = own;
    },
  } as Partial<TrackedRun> as TrackedRun;
  const context = {
    config: { models: config },
    registry,
    reporter: {
      warn: (line: string) => warnings.push(line),
      line: (line: string) => lines.push(line),
    },
  } as unknown as ExecutionContext;
  const cell = { label: "ce · clip", recipe: { mode: "single", ...recipe } } as Cell;
  // Two cells of one comparison.
  await logModel(context, run, cell, cellFolder);
  if (models.length === 0) await logModel(context, run, cell, cellFolder);
  return { models, tags, warnings, lines };
}

describe("logging a cell's model", () => {
  it.each([undefined, {}, { log: "all" }] as const)(
    "happens for a small one with models: %j",
    async (models) => {
      const { models: outputs, tags, warnings, lines } = await logged(models, folder);
      const names = readdirSync(join(folder, MODEL_FOLDER));
      expect(names).toEqual(expect.arrayContaining(["MLmodel", "model.onnx"]));
      const [output] = outputs;
      expect(output!.name).toBe("model");
      expect(new Map(output!.files.map(({ path, file }) => [path, file]))).toEqual(
        new Map(names.map((name) => [name, join(folder, MODEL_FOLDER, name)])),
      );
      expect([warnings, lines, tags]).toEqual([[], [], {}]);
      expect(output!.summary).toMatchObject({ flavors: { onnx: { data: "model.onnx" } } });
      expect(readFileSync(join(folder, MODEL_FOLDER, "MLmodel"), "utf8")).toContain(
        output!.summary.model_uuid,
      );
    },
  );

  it("does not happen where it is not wanted, or zero-shot logits would be missing, which is said once", async () => {
    const nothing = { models: [], tags: {}, warnings: [], lines: [] };
    const empty = await temporaryFolder();
    expect(await logged({ log: "none" }, empty)).toEqual(nothing);
    const none = "it predicts with zero-shot logits or priors, which no classifier holds";
    expect(await logged({ log: "all" }, empty, { mode: "post-hoc", needs: ["zeroShot"] })).toEqual({
      ...nothing,
      tags: { "dualtail.no_model": none },
      lines: [`ce · clip logs no MLflow model: ${none}`],
    });
  });

  it("tells why a model cannot be written, and lets the cell be", async () => {
    const { models, tags, warnings } = await logged({ log: "all" }, await temporaryFolder());
    expect(models).toEqual([]);
    expect(tags).toEqual({ "dualtail.no_model": expect.stringMatching(/ holds no trained model — /) });
    expect(warnings[0]).toMatch(/^ce · clip: not logged as an MLflow model: .* holds no trained model — /);
  });
});
