import type { Analysis } from "../analysis.ts";
import { GROUP_COLUMNS } from "../analysis.ts";
import type { Params } from "../read/identity.ts";
import type { Row } from "../read/rows.ts";
import { mapOf } from "../sections/crossing.ts";
import { agreementsOf, type BackbonePrior } from "../sections/priors.ts";
import type { SettingsComparison } from "../settings/compare.ts";
import type { ClassLoss, RowLosses } from "./losses.ts";
import { classFacts } from "./losses.ts";

const identity = ({ label, loss, kind, backbones, runs }: Row) => ({
  method: label,
  loss,
  kind,
  backbones,
  runs: runs.map(({ run, seed }) => ({ id: run.info.runId, ...(seed === undefined ? {} : { seed }) })),
});

/** An analysis as plain data: shares in [0, 1], absent where the document shows a dash. */
export function analysisJson(input: {
  readonly title: string;
  readonly analysis: Analysis;
  readonly losses: readonly RowLosses[];
  readonly priors: readonly BackbonePrior[];
  readonly omitted: readonly string[];
}): object {
  const { title, analysis, losses, priors, omitted } = input;
  const { classNames, trainCounts, labels, setting, resamples } = analysis;
  return {
    title,
    setting,
    resamples,
    testImages: labels.length,
    rows: losses.map(({ explained, fromZeroShot, fromMean }) => {
      const { row, accuracy, classes, rank, regression } = explained;
      const map = mapOf(analysis, row);
      const listed = (own: readonly ClassLoss[]) =>
        own.map(({ class: k, accuracy: value, difference }) => ({
          ...classFacts(analysis, row, k),
          accuracy: value,
          difference,
        }));
      return {
        ...identity(row),
        groups: Object.fromEntries(
          GROUP_COLUMNS.map(({ heading, classes: of }) => {
            const only = of(row);
            const estimate = analysis.compare({ rows: [row], ...(only ? { classes: only } : {}) });
            return [heading, estimate && { value: estimate.value, low: estimate.low, high: estimate.high }];
          }),
        ),
        crossing: {
          accuracy: map.accuracy.map((line) => line.map((own) => own ?? null)),
          classes: map.classes,
        },
        imbalance: {
          classes: classes.length,
          rank,
          ...(regression && {
            coefficients: {
              downstream: regression.coefficients[0],
              pretrain: regression.coefficients[1],
            },
            r2: regression.r2,
            correlationOfLogs: regression.between,
          }),
        },
        worst: { ...(fromZeroShot && { fromZeroShot: listed(fromZeroShot) }), fromMean: listed(fromMean) },
        accuracy: accuracy.map((value) => (Number.isNaN(value) ? null : value)),
      };
    }),
    classes: classNames.map((name, k) => ({
      name,
      trainCount: trainCounts[k],
      prior: Object.fromEntries(
        priors.map(({ backbone, estimated, recorded }) => [
          backbone,
          { estimated: estimated[k], ...(recorded && { recorded: recorded[k] }) },
        ]),
      ),
    })),
    agreement: agreementsOf(priors),
    omitted,
  };
}

/** A comparison of settings as plain data. */
export function settingsJson(input: {
  readonly title: string;
  readonly by: readonly string[];
  readonly settings: SettingsComparison;
  readonly setting: Params;
  readonly omitted: readonly string[];
}): object {
  const { title, by, settings, setting, omitted } = input;
  return {
    title,
    by,
    against: settings.against,
    setting,
    methods: settings.methods.map(({ name, values }) => ({
      name,
      values: values.map(({ label, row, accuracy, difference }) => ({
        value: label,
        params: row.varied,
        ...identity(row),
        groups: Object.fromEntries(
          GROUP_COLUMNS.map(({ heading }, i) => {
            const own = accuracy[i];
            const change = difference[i];
            return [
              heading,
              own && {
                value: own.value,
                low: own.low,
                high: own.high,
                ...(change && {
                  difference: {
                    value: change.value,
                    low: change.low,
                    high: change.high,
                    p: change.adjusted,
                    seeds: change.seeds,
                  },
                }),
              },
            ];
          }),
        ),
      })),
    })),
    omitted,
  };
}
