import type { MlflowClient, ModelVersion } from "../../mlflow-js-client/index.ts";
import { analyse } from "../../report/analysis.ts";
import { ReportError } from "../../report/index.ts";
import { gatherRows, runReader } from "../../report/read/rows.ts";
import { tracked } from "../../tracking/errors.ts";

/** Whether an alias goes to a version, and why. */
export interface Decision {
  readonly moved: boolean;
  /** For a person: one line. */
  readonly reason: string;
}

/**
 * Gives a version the alias where no version has it, or where its accuracy on the test images is above that of the
 * version that has it: the paired-bootstrap 95 % interval of the difference lies above 0.
 * @throws TrackingError
 */
export async function promote(
  client: MlflowClient,
  candidate: ModelVersion,
  alias: string,
  options: { readonly resamples?: number } = {},
): Promise<Decision> {
  const { name, version } = candidate;
  const holder = await tracked(client.registry.byAlias(name, alias));
  const decision = await decide(client, candidate, holder, options);
  if (decision.moved) await tracked(client.registry.setAlias(name, alias, version));
  await tracked(client.registry.setVersionTag(name, version, `dualtail.${alias}`, decision.reason));
  return decision;
}

async function decide(
  client: MlflowClient,
  candidate: ModelVersion,
  holder: ModelVersion | undefined,
  options: { readonly resamples?: number },
): Promise<Decision> {
  if (holder === undefined) return { moved: true, reason: "no version had it" };
  if (holder.version === candidate.version) return { moved: false, reason: "it has it already" };
  const kept = (why: string): Decision => ({
    moved: false,
    reason: `version ${holder.version} keeps it: ${why}`,
  });
  if (!holder.runId || !candidate.runId) return kept("it has no run to compare with");
  try {
    const [own, other] = await Promise.all(
      [candidate, holder].map(({ runId }) => tracked(client.runs.get(runId!))),
    );
    const read = runReader(client);
    const base = await gatherRows(read, [other!]);
    const ours = await gatherRows(read, [own!], { testedAs: other! });
    const [row, against] = [ours.rows[0]!, base.rows[0]!];
    const found = analyse({ ...base, rows: [row, against] }, options).compare({
      rows: [row],
      minus: [against],
    });
    if (found === undefined) return kept("the test set has no image");
    const points = (value: number) =>
      `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(100 * value).toFixed(1)}`;
    const measured = `accuracy ${points(found.value)} points over version ${holder.version}, 95 % interval [${points(found.low)}, ${points(found.high)}] over ${base.labels.length} test images`;
    if (found.low > 0) return { moved: true, reason: measured };
    return kept(`${measured}, ${found.high < 0 ? "below 0" : "which holds 0"}`);
  } catch (error) {
    if (!(error instanceof ReportError)) throw error;
    return kept(`they cannot be compared (${error.message})`);
  }
}
