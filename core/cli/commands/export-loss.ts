import { readFile } from "node:fs/promises";
import path from "node:path";
import { createContainer, resolve } from "../../container/index.ts";
import { ConfigError, describeError, FileError } from "../../errors.ts";
import type { LossPlugin } from "../../plugin-api/index.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import { packageVersion } from "../package-info.ts";

export interface ExportLossFlags {
  readonly classes: number;
  readonly models?: number;
  readonly out: string;
  /** `name=value`, the value JSON or, where it is none, text. */
  readonly option?: readonly string[];
  readonly counts?: string;
  readonly weights?: readonly number[];
  readonly headScale?: number;
  readonly batch?: number;
  readonly float64?: boolean;
  readonly prediction?: boolean;
  readonly plugin?: readonly string[];
  readonly quiet?: boolean;
}

/** Writes a loss and its gradients as an ONNX file, and prints what it is as JSON. */
export async function exportLossCommand(host: Host, name: string, flags: ExportLossFlags): Promise<number> {
  const file = path.resolve(host.cwd, flags.out);
  const given = parseOptions(flags.option ?? []);
  const container = await createContainer({ plugins: flags.plugin ?? [], baseDir: host.cwd });
  const registry = resolve(container, "registry");
  const plugin = registry.get("loss", name) as LossPlugin<Record<string, unknown>>;
  const checked = registry.checkOptions("loss", name, given);
  if (!checked.ok) {
    const [{ path: where, problem, hint }] = checked.problems as [(typeof checked.problems)[number]];
    throw new UsageError(`--option ${where.join(".")}: ${problem}`, hint === undefined ? {} : { hint });
  }
  const classCounts = flags.counts === undefined ? undefined : await readCounts(host, flags.counts);
  const { exportLoss } = await import("../../exchange/index.ts");
  const description = await exportLoss(plugin, given, file, {
    classes: flags.classes,
    version: packageVersion(),
    floatType: flags.float64 ? "float64" : "float32",
    prediction: flags.prediction ?? false,
    ...(flags.models === undefined ? {} : { models: flags.models }),
    ...(classCounts === undefined ? {} : { classCounts }),
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
    ...(flags.headScale === undefined ? {} : { headScale: flags.headScale }),
    ...(flags.batch === undefined ? {} : { batch: flags.batch }),
  });
  if (description.note) host.reporter({ quiet: flags.quiet }).line(`${name}: ${description.note}`);
  host.print(JSON.stringify({ file, ...description }, null, 2));
  return 0;
}

/** `tau=1` → { tau: 1 }. @throws UsageError for one without a name, or given twice */
function parseOptions(entries: readonly string[]): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const entry of entries) {
    const at = entry.indexOf("=");
    if (at < 1) throw new UsageError(`--option ${entry}: write name=value`);
    const name = entry.slice(0, at);
    if (Object.hasOwn(options, name)) throw new UsageError(`--option ${name} is given twice`);
    options[name] = jsonOrText(entry.slice(at + 1));
  }
  return options;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Training images per class: a JSON list. @throws FileError, ConfigError */
async function readCounts(host: Host, given: string): Promise<number[]> {
  const file = path.resolve(host.cwd, given);
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new FileError(file, `cannot be read (${cause.code})`, {
      hint: "check the path after --counts",
      cause,
    });
  });
  let counts: unknown;
  try {
    counts = JSON.parse(text);
  } catch (cause) {
    throw new FileError(file, `is not JSON: ${describeError(cause)}`, { cause });
  }
  if (!Array.isArray(counts)) throw new ConfigError("", "must be a list of class counts", { source: file });
  const bad = counts.findIndex((count) => !Number.isInteger(count) || count < 0);
  if (bad >= 0) {
    throw new ConfigError(`/${bad}`, "must be a number of images, 0 or more", { source: file });
  }
  return counts as number[];
}
