/** Whole numbers, kept as ranges: a run of many steps takes no more memory than a short one. */
export interface StepSet {
  add(step: number): void;
  has(step: number): boolean;
}

export function createStepSet(): StepSet {
  // Ascending, with a gap between each and the next.
  const firsts: number[] = [];
  const lasts: number[] = [];
  const outOfOrder = new Set<number>();

  const has = (step: number): boolean => {
    let [low, high] = [0, firsts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lasts[middle]! < step) low = middle + 1;
      else high = middle;
    }
    return (low < firsts.length && firsts[low]! <= step) || outOfOrder.has(step);
  };

  return {
    add(step) {
      const last = lasts.at(-1);
      if (last === undefined || step > last + 1) {
        firsts.push(step);
        lasts.push(step);
      } else if (step === last + 1) lasts[lasts.length - 1] = step;
      else if (!has(step)) outOfOrder.add(step);
    },
    has,
  };
}
