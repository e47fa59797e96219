import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { escapeMarkdown } from "../comparison/presentation/format.ts";
import { FileError } from "../errors.ts";
import type { MlflowClient } from "../mlflow-js-client/index.ts";
import { openMlflowTracker } from "../tracking/index.ts";
import type { Report } from "./build.ts";

/** A report's files by name. */
export function filesOf({ html, markdown, figures }: Report): ReadonlyMap<string, string> {
  return new Map([
    ["report.html", html],
    ["report.md", markdown],
    ...figures.map(({ name, svg }) => [`figures/${name}.svg`, svg] as const),
  ]);
}

/** @throws FileError */
export const writeReport = (folder: string, report: Report): Promise<void> =>
  writeFiles(folder, filesOf(report));

/** Writes files into a folder, made when missing. @throws FileError */
export async function writeFiles(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, content] of files) {
    const file = join(folder, name);
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    } catch (cause) {
      throw new FileError(file, `cannot be written (${(cause as Error).message})`, {
        cause,
        hint: "choose another folder with --out",
      });
    }
  }
}

/** Logs a report as a run of its experiment; returns the run's page. @throws TrackingError */
export async function logReport(
  client: MlflowClient,
  experiment: string,
  report: Report,
): Promise<string | undefined> {
  const tracker = await openMlflowTracker({ client, experiment });
  try {
    const run = await tracker.startRun({
      name: "report",
      tags: { "dualtail.kind": "report", "mlflow.note.content": escapeMarkdown(report.verdict) },
    });
    for (const [name, content] of filesOf(report)) await run.logArtifact(`report/${name}`, content);
    await run.finish("FINISHED");
    return run.url;
  } finally {
    await tracker.close();
  }
}
