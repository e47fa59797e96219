import { hasErrorCode, type MlflowClient, type Run } from "../../mlflow-js-client/index.ts";
import { tracked, trackingError } from "../../tracking/errors.ts";
import { ReportError } from "../errors.ts";
import { readReused } from "../read/artifacts.ts";
import {
  differencesOf,
  foreignTo,
  isZeroShot,
  keyOf,
  NOTHING,
  type Params,
  settingOf,
  type Varied,
} from "../read/identity.ts";
import { cellsOf, finishedCells } from "../read/runs.ts";

/** Runs to analyse. */
export interface Selection {
  /** What they are, for headings. */
  readonly title: string;
  /** Newest first; the first one's setting counts. */
  readonly runs: readonly Run[];
}

/** What a user asks to have analysed. */
export type Subject =
  | {
      readonly kind: "experiment";
      readonly name: string;
      readonly where: Readonly<Record<string, string>>;
    }
  | { readonly kind: "run"; readonly runId: string }
  | {
      readonly kind: "setting";
      readonly experiment: string;
      /** Params that all runs of a config share. */
      readonly params: Params;
      /** The config file, as the user named it. */
      readonly file: string;
    };

/** Whether a text has the form of MLflow's run ids. */
export const isRunId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);

/** @param varied what is compared and so need not be a config's own @throws ReportError, TrackingError */
export async function selectRuns(
  client: MlflowClient,
  subject: Subject,
  varied: Varied = NOTHING,
): Promise<Selection> {
  switch (subject.kind) {
    case "experiment":
      return { title: subject.name, runs: await finishedCells(client, subject.name, subject.where) };
    case "run":
      return ofRun(client, subject.runId);
    case "setting":
      return ofSetting(client, subject, varied);
  }
}

async function ofRun(client: MlflowClient, runId: string): Promise<Selection> {
  const run = await client.runs.get(runId).catch((error: unknown) => {
    if (!hasErrorCode(error, "RESOURCE_DOES_NOT_EXIST")) throw trackingError(error);
    throw new ReportError(`there is no run ${runId} on MLflow at ${client.baseUrl}`, {
      hint: "name an experiment, the id of a run, or a comparison's config file",
    });
  });
  const { runName, experimentId, status } = run.info;
  const title = `${runName} (${runId})`;
  const cells = await cellsOf(client, experimentId);
  if (run.tags[KIND] === "comparison") {
    const reused = run.tags[REUSED] ? await readReused(client, run.info) : [];
    const runs = cells
      .filter(({ tags, info }) => tags[PARENT] === runId || reused.includes(info.runId))
      // The first one's setting counts, and zero-shot runs may be of a comparison that trained otherwise.
      .sort((a, b) => Number(isZeroShot(a)) - Number(isZeroShot(b)));
    if (runs.length > 0) return { title, runs };
    throw new ReportError(`the comparison "${runName}" (${runId}) has no finished cell`, {
      hint: "go on with it: npx dualtail compare <config> --resume <run folder>",
    });
  }
  if (!("dualtail.cell" in run.tags || "dualtail.extra_seed" in run.tags)) {
    throw new ReportError(`the run "${runName}" (${runId}) is neither a comparison nor one of its rows`, {
      hint: "name a run that `dualtail compare` has made",
    });
  }
  if (status !== "FINISHED") {
    throw new ReportError(`the run "${runName}" (${runId}) is not finished but ${status}`);
  }
  if (isZeroShot(run)) return { title, runs: [run] };
  const backbones = (run.params.backbone ?? "").split("+");
  const zeroShot = cells.filter((own) => isZeroShot(own) && backbones.includes(own.params.backbone ?? ""));
  return { title, runs: [run, ...zeroShot.filter((own) => foreignTo(own, settingOf(run)).length === 0)] };
}

const KIND = "dualtail.kind";
const PARENT = "mlflow.parentRunId";
/** On a comparison: how many of its rows an earlier one has run. */
const REUSED = "dualtail.reused";

async function ofSetting(
  client: MlflowClient,
  { experiment, params, file }: Extract<Subject, { kind: "setting" }>,
  varied: Varied,
): Promise<Selection> {
  const hint = `run it: npx dualtail compare ${file}`;
  const found = await tracked(client.experiments.getByName(experiment));
  const cells = found?.lifecycleStage === "active" ? await cellsOf(client, found.experimentId) : [];
  if (cells.length === 0) {
    throw new ReportError(
      `${file}: nothing is logged yet, the experiment "${experiment}" on MLflow at ${client.baseUrl} has no finished cell`,
      { hint },
    );
  }
  const setting = settingOf({ params }, varied);
  const own = cells.filter((run) => keyOf(settingOf(run, varied)) === keyOf(setting));
  if (own.length > 0) {
    const zeroShot = cells.filter((run) => !own.includes(run) && isZeroShot(run));
    return {
      title: file,
      runs: [...own, ...zeroShot.filter((run) => foreignTo(run, setting, varied).length === 0)],
    };
  }
  const nearest = cells
    .map((run) => differencesOf(settingOf(run, varied), setting))
    .reduce((best, own) => (own.length < best.length ? own : best));
  throw new ReportError(
    `${file}: nothing is logged yet of this setting; the nearest of ${cells.length} finished runs in "${experiment}" has ${nearest.join(", ")}`,
    { hint },
  );
}
