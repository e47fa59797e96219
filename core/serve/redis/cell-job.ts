import { createHash } from "node:crypto";
import { cellRunId } from "../../comparison/execute/cell-run-id.ts";
import type { TrainingOrder } from "../../comparison/execution-types.ts";
import { createAjv } from "../../container/schema/ajv.ts";
import { explain } from "../../container/schema/explain.ts";
import { toPointer } from "../../container/schema/problem.ts";
import { RefusedError } from "../errors.ts";
import type { LaunchRequest } from "../requests.ts";

/** What a worker is told of a cell: names and numbers, which it looks up and checks by its own file. */
export interface CellJob extends TrainingOrder {
  readonly version: 1;
  /** The comparison's own id. */
  readonly comparison: string;
  /** The server's id of its run. */
  readonly parent: string;
  /** Name. */
  readonly experiment: string;
  readonly experimentId: string;
  readonly request: LaunchRequest;
  /** Set when the comparison is stopped. */
  readonly stop?: boolean;
}

const hex = (digits: number) => ({ type: "string", pattern: `^[0-9a-f]{${digits}}$` });
const SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: [
    "version",
    "comparison",
    "parent",
    "experiment",
    "experimentId",
    "request",
    "cell",
    "index",
    "label",
    "fingerprint",
  ],
  properties: {
    version: { const: 1 },
    comparison: hex(32),
    parent: { type: "string", pattern: "^[0-9A-Za-z]{1,64}$" },
    experiment: { type: "string", maxLength: 500 },
    experimentId: { type: "string", pattern: "^[0-9A-Za-z]{1,64}$" },
    request: { type: "object" },
    cell: hex(12),
    index: { type: "integer", minimum: 0, maximum: 1_000_000 },
    label: { type: "string", maxLength: 2000, pattern: "^[^\\p{Cc}\\p{Cs}]*$" },
    fingerprint: hex(32),
    stop: { type: "boolean" },
  },
};

/** Data of a job, of whatever origin. @throws RefusedError; the request in it is still to be checked */
export function checkCellJob(data: unknown, jobId: string | undefined): CellJob {
  const check = createAjv({ fillDefaults: false }).compile(SCHEMA);
  const fits: boolean = check(data);
  if (!fits) {
    const [problem] = explain(check.errors ?? []);
    throw new RefusedError(`the job: ${toPointer(problem?.path ?? []) || "/"}: ${problem?.problem}`);
  }
  const job = data as CellJob;
  if (jobId !== cellJobId(job.comparison, job.cell)) throw new RefusedError("the job has another cell's id");
  return job;
}

/** The same cell of a comparison is one job for ever. */
export const cellJobId = (comparison: string, cell: string): string => `cell-${cellRunId(comparison, cell)}`;

/**
 * Name of the queue of what is asked for in these experiments: servers and workers reach one MLflow under different
 * addresses, and several MLflow servers have experiments of the same name and number.
 */
export function queueName(
  experiments: readonly {
    readonly experimentId: string;
    readonly name: string;
    readonly creationTime?: number;
  }[],
): string {
  const facts = experiments
    .map(({ experimentId, name, creationTime }) => JSON.stringify([name, experimentId, creationTime ?? 0]))
    .sort();
  return `cells-${createHash("sha256").update(facts.join("\n")).digest("hex").slice(0, 16)}`;
}

/** Before every key in Redis. */
export const PREFIX = "dualtail";
