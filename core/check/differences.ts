import { type Precision, show } from "./precision.ts";

/** One number of a gradient that does not fit the differences of the function. */
export interface Mismatch {
  readonly index: number;
  readonly derived: number;
  readonly measured: number;
  /** The differences themselves do not settle: the function is not smooth there. */
  readonly rough: boolean;
}

/**
 * Compares a gradient with fourth-order central differences D(h) of `at`. What D(h) can be trusted to is read off
 * D(2h): their difference is about fifteen times the truncation of D(h), and shows where `at` has a kink.
 * @param derived the gradient at `x`
 * @param at the function
 */
export async function compareWithDifferences(
  x: Float64Array,
  derived: ArrayLike<number>,
  at: (x: Float64Array) => Promise<number>,
  { step: h, gradient }: Precision,
  indices: readonly number[] = [...x.keys()],
): Promise<Mismatch | undefined> {
  for (const index of indices) {
    const moved = async (by: number) => {
      const copy = Float64Array.from(x);
      copy[index]! += by;
      return at(copy);
    };
    const half = async (by: number) => (await moved(by)) - (await moved(-by));
    const [d1, d2, d4] = [await half(h), await half(2 * h), await half(4 * h)];
    const measured = (8 * d1 - d2) / (12 * h);
    const coarser = (8 * d2 - d4) / (24 * h);
    const doubt = Math.abs(measured - coarser);
    const own = derived[index]!;
    const allowed = gradient * (1 + Math.abs(measured));
    const rough = !(doubt <= 1e-3 * (1 + Math.abs(measured)));
    if (rough || !(Math.abs(own - measured) <= allowed + doubt))
      return { index, derived: own, measured, rough };
  }
  return undefined;
}

export const describeMismatch = ({ derived, measured, rough }: Mismatch): string =>
  rough
    ? `differences of it do not settle (near ${show(measured)}): it is not smooth there`
    : `the gradient is ${show(derived)}, its central differences give ${show(measured)}`;
