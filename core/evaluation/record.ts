import { GROUPS } from "./groups.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Metrics under flat keys MLflow accepts, values in [0, 1]. A metric that is undefined (no groups, an empty cell, no
 * features) has no key: absent, never 0. With prefix "test": test/overall, test/micro, test/macro_f1, test/worst_class,
 * test/harmonic_mean, test/geometric_mean, test/ece, test/knn, test/d_{many,medium,few}, test/p_{…}, test/d_{…}_p_{…},
 * test/dual_tail.
 */
export function metricsToRecord(metrics: Metrics, prefix = "test"): Record<string, number> {
  const record: Record<string, number> = {};
  const put = (key: string, value: number | undefined) => {
    if (value !== undefined && !Number.isNaN(value)) record[prefix ? `${prefix}/${key}` : key] = value;
  };
  put("overall", metrics.overall);
  put("micro", metrics.micro);
  put("macro_f1", metrics.macroF1);
  put("worst_class", metrics.worstClass);
  put("harmonic_mean", metrics.harmonicMean);
  put("geometric_mean", metrics.geometricMean);
  put("ece", metrics.ece);
  put("knn", metrics.knn);
  for (const group of GROUPS) put(`d_${group}`, metrics.downstream?.[group]);
  for (const group of GROUPS) put(`p_${group}`, metrics.pretrain?.[group]);
  GROUPS.forEach((d, i) => {
    GROUPS.forEach((p, j) => {
      put(`d_${d}_p_${p}`, metrics.crossing?.[i]?.[j]);
    });
  });
  put("dual_tail", metrics.dualTail);
  return record;
}
