import { DualtailError } from "../../errors.ts";

/** K of an ordinary problem. */
const CLASSES = 4;

/** How many classes a loss is checked with. */
export interface ClassCount {
  readonly classes: number;
  /** It takes no other number: lists of as many values among its options have one per class. */
  readonly isFixed: boolean;
}

/**
 * 4, or where the loss takes no 4 classes as many as some list among its options has values.
 * @param build builds its graphs for so many classes
 */
export function classesOf(
  options: Readonly<Record<string, unknown>>,
  build: (classes: number) => void,
): ClassCount {
  const refuses = (classes: number) => {
    try {
      build(classes);
      return false;
    } catch (error) {
      // Anything else is told by the check that builds it.
      return error instanceof DualtailError;
    }
  };
  const lengths = Object.values(options).flatMap((value) => (Array.isArray(value) ? [value.length] : []));
  const classes = [CLASSES, ...lengths.filter((length) => length > 1)].find((count) => !refuses(count));
  if (classes === undefined) return { classes: CLASSES, isFixed: false };
  return { classes, isFixed: lengths.includes(classes) && refuses(classes + 1) };
}

/** Options with class k called order[k], in every list with as many values as there are classes. */
export const renumberOptions = (
  options: Readonly<Record<string, unknown>>,
  order: readonly number[],
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      if (!Array.isArray(value) || value.length !== order.length) return [name, value];
      const moved: unknown[] = [];
      for (const [k, to] of order.entries()) moved[to] = value[k];
      return [name, moved];
    }),
  );
