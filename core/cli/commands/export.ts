import { stat } from "node:fs/promises";
import path from "node:path";
import { createContainer, resolve } from "../../container/index.ts";
import type { Layout, TrainedModel } from "../../exchange/index.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";

export interface ExportFlags {
  readonly out: string;
  readonly quiet?: boolean;
}

export interface ExportOnnxFlags extends ExportFlags {
  readonly includePreprocessing?: Layout;
  readonly externalData?: boolean;
  readonly keepHalf?: boolean;
}

export interface ExportPeftFlags extends ExportFlags {
  readonly backbone?: string;
}

/** Loaded when it is needed: it brings models and graphs along. */
const exchange = () => import("../../exchange/index.ts");

/** Writes a trained classifier as an ONNX file. */
export async function exportOnnxCommand(host: Host, source: string, flags: ExportOnnxFlags): Promise<number> {
  const { exportOnnx } = await exchange();
  const model = await openModel(host, source, flags);
  const { files } = await exportOnnx(model, path.resolve(host.cwd, flags.out), {
    preprocessing: flags.includePreprocessing,
    externalData: flags.externalData,
    keepHalf: flags.keepHalf,
  });
  const lines = files.map(({ path: file, bytes }) => `${file} (${sizeText(bytes)})`);
  host.print([`${model.label}, ${model.classNames.length} classes`, ...lines].join("\n"));
  return 0;
}

const sizeText = (bytes: number): string =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** Writes a trained classifier as an MLflow model. */
export async function exportMlflowCommand(
  host: Host,
  source: string,
  flags: ExportOnnxFlags,
): Promise<number> {
  const { writeMlflowModel } = await exchange();
  const model = await openModel(host, source, flags);
  const folder = path.resolve(host.cwd, flags.out);
  const written = await writeMlflowModel(model, folder, {
    preprocessing: flags.includePreprocessing,
    externalData: flags.externalData,
    keepHalf: flags.keepHalf,
  });
  const bytes = written?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0;
  host.print(`${model.label}, ${model.classNames.length} classes\n${folder} (${sizeText(bytes)})`);
  return 0;
}

/** Writes a trained adapter and its head as a folder that Hugging Face peft loads. */
export async function exportPeftCommand(host: Host, source: string, flags: ExportPeftFlags): Promise<number> {
  const model = await openModel(host, source, flags);
  const { members } = model;
  const chosen =
    flags.backbone === undefined ? members : members.filter(({ label }) => label === flags.backbone);
  const [member] = chosen;
  if (member === undefined || chosen.length > 1) {
    throw new UsageError(
      flags.backbone === undefined
        ? `${model.label} is of ${members.length} backbones, and a PEFT folder holds one adapter`
        : `--backbone: ${model.label} has no backbone "${flags.backbone}"`,
      { hint: `add --backbone with one of ${members.map(({ label }) => label).join(", ")}` },
    );
  }
  const folder = path.resolve(host.cwd, flags.out);
  const { exportPeftFolder } = await exchange();
  await exportPeftFolder(model, member, folder);
  host.print(`${model.label}\n${folder}`);
  return 0;
}

/** The trained model in a folder. @throws UsageError, FileError, ConfigError */
export async function openModel(
  host: Host,
  source: string,
  { quiet }: { readonly quiet?: boolean },
): Promise<TrainedModel> {
  const folder = path.resolve(host.cwd, source);
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`there is no folder ${folder} (${error.code})`, {
      hint: "name the run folder that a comparison printed, or one in its cells/",
    });
  });
  if (!found.isDirectory()) throw new UsageError(`${folder} is a file`, { hint: "name the folder it is in" });
  const { locateModel, openTrainedModel, pluginsOf } = await exchange();
  const place = await locateModel(folder);
  const { specifiers, baseDir } = await pluginsOf(place);
  const reporter = host.reporter({ quiet });
  const registry = resolve(await createContainer({ plugins: specifiers, baseDir, reporter }), "registry");
  return openTrainedModel(place, {
    plugins: {
      peft: (name) => registry.get("peft", name),
      loss: (name) => registry.get("loss", name),
      strata: (name) => registry.get("strata", name),
    },
    env: host.env,
    onProgress: (line) => reporter.line(line),
  });
}
