import { DualtailError } from "../../errors.ts";
import { ShapeError, UnknownOpError } from "../../graph/index.ts";
import type { TrainedRecipe } from "../../losses/index.ts";
import type { LossClaims, LossRecipe } from "../../plugin-api/index.ts";
import { RunError } from "../../runtime/index.ts";
import { note, type Outcome } from "../findings.ts";
import type { Precision } from "../precision.ts";
import { type OpenLoss, type OpenPrediction, openLoss, openPrediction } from "./evaluate.ts";
import { type LossProblem, makeProblem } from "./problem.ts";

/** A loss under check, at some options. */
export interface Subject<R extends LossRecipe = LossRecipe> {
  readonly recipe: R;
  /** Made anew, for what must not differ from one time to the next. */
  readonly again: () => R;
  /** From the plugin's file imported anew, where it has one. */
  readonly fresh?: () => Promise<R>;
  /** What is right once class k is called order[k]: options with one value per class go along. */
  readonly renumbered: (order: readonly number[]) => R;
  readonly precision: Precision;
  /** K of a problem that is not about K. */
  readonly classes: number;
  readonly strata: number;
  readonly masses?: readonly number[];
  /** With options at the edge of its schema a loss may well be constant. */
  readonly isDefault: boolean;
  readonly claims: LossClaims;
}

/** A recipe's loss under check. */
export type TrainedSubject = Subject<TrainedRecipe>;

/** A problem of the subject's sizes, or of others. */
export const problemFor = (
  { strata, masses, classes }: Pick<Subject, "strata" | "masses" | "classes">,
  changed: { readonly batch?: number; readonly classes?: number; readonly seed?: number } = {},
): LossProblem => makeProblem({ strata, classes, ...(masses ? { masses } : {}), ...changed });

/** Opens, uses and releases. */
export async function withLoss<T>(
  recipe: TrainedRecipe,
  p: LossProblem,
  floatType: Precision["floatType"],
  use: (loss: OpenLoss) => Promise<T>,
): Promise<T> {
  const open = await openLoss(recipe, p, floatType);
  try {
    return await use(open);
  } finally {
    await open.release();
  }
}

/** Opens, uses and releases. */
export async function withPrediction<T>(
  recipe: LossRecipe,
  p: LossProblem,
  floatType: Precision["floatType"],
  use: (open: OpenPrediction) => Promise<T>,
): Promise<T> {
  const open = await openPrediction(recipe, p, floatType);
  try {
    return await use(open);
  } finally {
    await open.release();
  }
}

/** Whether a loss said that it does not take what it was given, and did not just run into it. */
export const isRefusal = (error: unknown): error is DualtailError =>
  error instanceof DualtailError &&
  !(error instanceof ShapeError || error instanceof UnknownOpError || error instanceof RunError);

/** A check at another number of classes than the subject's: a loss with an option per class has to refuse it. */
export const unlessRefused =
  <S extends Pick<Subject, "classes">>(run: (subject: S) => Promise<Outcome>) =>
  async (subject: S): Promise<Outcome> => {
    try {
      return await run(subject);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return note(`it refuses other numbers of classes than ${subject.classes}: ${error.oneLine}`);
    }
  };
