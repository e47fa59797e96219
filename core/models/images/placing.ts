import type { Box } from "./resample.ts";
import type { Size } from "./transform.ts";

export const wholeImage = ({ width, height }: Size): Box => ({ left: 0, top: 0, width, height });

/** The size with this short side; the long one is cut to whole pixels, as torchvision and transformers do. */
export function shortSideTo(short: number, { width, height }: Size): Size {
  const long = Math.trunc((short * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: short, height: long } : { width: long, height: short };
}

/**
 * Corner of the square in the middle. An odd rest is shared differently: transformers rounds down, torchvision rounds
 * halves to even and, where the square is larger, puts the odd row of black below.
 */
export function centred(
  { width, height }: Size,
  side: number,
  centring: "transformers" | "torchvision",
): { left: number; top: number } {
  const start = (rest: number): number => {
    if (centring === "transformers") return Math.floor(rest / 2);
    return rest < 0 ? -Math.floor(-rest / 2) : halfToEven(rest);
  };
  return { left: start(width - side), top: start(height - side) };
}

/** space / 2, a half to the even side, as Python rounds. */
export function halfToEven(space: number): number {
  const half = Math.floor(space / 2);
  return space % 2 === 1 && half % 2 === 1 ? half + 1 : half;
}
