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
import type { TrackedRun } from "../../tracking/tracker.ts";
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
  models: ModelsConfig | undefined,
  cellFolder: string,
  recipe: Partial<LossRecipe> = {},
) {
  const files = new Map<string, string>();
  let tags: Readonly<Record<string, string>> = {};
  const warnings: string[] = [];
  const run = {
    logArtifactFile: async (path: string, file: string) => {
      files.set(path, file);
    },
    setTags: async (own: typeof tags) => {
      tags = own;
    },
  } as Partial<TrackedRun> as TrackedRun;
  const context = {
    config: { models },
    registry,
    reporter: { warn: (line: string) => warnings.push(line) },
  } as unknown as ExecutionContext;
  const cell = { label: "ce · clip", recipe: { mode: "single", ...recipe } } as Cell;
  await logModel(context, run, cell, cellFolder);
  return { files, tags, warnings };
}

describe("logging a cell's model", () => {
  it.each([undefined, {}, { log: "all" }] as const)(
    "happens for a small one with models: %j",
    async (models) => {
      const { files, tags, warnings } = await logged(models, folder);
      const names = readdirSync(join(folder, MODEL_FOLDER));
      expect(names).toEqual(expect.arrayContaining(["MLmodel", "model.onnx"]));
      expect(new Map(files)).toEqual(
        new Map(names.map((name) => [`model/${name}`, join(folder, MODEL_FOLDER, name)])),
      );
      expect(warnings).toEqual([]);
      const [entry] = JSON.parse(tags["mlflow.log-model.history"]!);
      expect(entry).toMatchObject({ artifact_path: "model", flavors: { onnx: { data: "model.onnx" } } });
      expect(readFileSync(join(folder, MODEL_FOLDER, "MLmodel"), "utf8")).toContain(entry.model_uuid);
    },
  );

  it("does not happen where it is not wanted, or zero-shot logits would be missing", async () => {
    const nothing = { files: new Map(), tags: {}, warnings: [] };
    const empty = await temporaryFolder();
    expect(await logged({ log: "none" }, empty)).toEqual(nothing);
    expect(await logged({ log: "all" }, empty, { mode: "post-hoc", needs: ["zeroShot"] })).toEqual(nothing);
  });

  it("tells why a model cannot be written, and lets the cell be", async () => {
    const { files, warnings } = await logged({ log: "all" }, await temporaryFolder());
    expect(files.size).toBe(0);
    expect(warnings).toEqual([
      expect.stringMatching(/^ce · clip: not logged as an MLflow model: .* holds no trained model — /),
    ]);
  });
});
