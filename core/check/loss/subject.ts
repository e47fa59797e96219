import { DualtailError } from "../../errors.ts";
import { ShapeError, UnknownOpError } from "../../graph/index.ts";
import type { TrainedRecipe } from "../../losses/index.ts";
import type { LossClaims, LossRecipe } from "../../plugin-api/index.ts";
import { RunError } from "../../runtime/index.ts";
import { note, type Outcome } from "../findings.ts";
import type { Precision } from "../precision.ts";
import { openLoss, openPrediction } from "./evaluate.ts";
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

/** From opening by `open`: a recipe's loss or prediction is used and released. */
const using =
  <R, O extends { release(): Promise<void> }>(
    open: (recipe: R, p: LossProblem, floatType: Precision["floatType"]) => Promise<O>,
  ) =>
  async <T>(
    recipe: R,
    p: LossProblem,
    floatType: Precision["floatType"],
    use: (opened: O) => Promise<T>,
  ): Promise<T> => {
    const opened = await open(recipe, p, floatType);
    try {
      return await use(opened);
    } finally {
      await opened.release();
    }
  };

export const withLoss = using(openLoss);
export const withPrediction = using(openPrediction);

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
