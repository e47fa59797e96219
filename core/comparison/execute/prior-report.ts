import { klDivergence, type Metrics, spearman } from "../../evaluation/index.ts";
import type { TrackedRun } from "../../tracking/tracker.ts";
import type { PreparedBackbone } from "./backbone.ts";
import type { ExecutionContext } from "./context.ts";

/**
 * Logs a backbone's estimated pre-training prior and, where its checkpoint records the true counts, how well the
 * estimate and the zero-shot accuracy follow them (rank correlation over classes).
 */
export async function reportPrior(
  { dataset, reporter }: ExecutionContext,
  run: TrackedRun,
  backbone: PreparedBackbone,
  metrics: Metrics,
): Promise<Record<string, number>> {
  const { label, pretrainCounts } = backbone;
  const estimate = await backbone.prior();
  const { prior, converged, temperatureReached, unidentified, ...facts } = estimate;
  if (!converged) reporter.warn(`${label}: the pre-training prior did not converge (gap ${facts.gap} nats)`);
  if (!temperatureReached) {
    reporter.warn(
      `${label}: no temperature in [0.1, 10] makes zero-shot confidence equal accuracy; the nearest is used`,
    );
  }
  if (unidentified.length > 0) {
    reporter.warn(`${label}: ${unidentified.length} classes have no image to estimate the prior from`);
  }
  const classes = dataset.classNames.map((name, k) => ({
    class: name,
    prior: prior[k],
    ...(pretrainCounts ? { recorded: pretrainCounts[k] } : {}),
  }));
  await run.logArtifact(
    "pretrain-prior.json",
    `${JSON.stringify({ backbone: label, converged, temperatureReached, ...facts, classes }, null, 2)}\n`,
  );
  const correlations = {
    "zero_shot/rank_correlation_recorded": pretrainCounts && spearman(metrics.perClass, pretrainCounts),
    "prior/rank_correlation_recorded": pretrainCounts && spearman(prior, pretrainCounts),
    // Of the estimate from the recorded prior, in nats.
    "prior/kl_recorded": pretrainCounts && klDivergence(pretrainCounts, prior),
  };
  return {
    "prior/gap": facts.gap,
    "prior/temperature": facts.temperature,
    ...(Object.fromEntries(Object.entries(correlations).filter(([, value]) => value !== undefined)) as Record<
      string,
      number
    >),
  };
}
