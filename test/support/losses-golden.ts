import { readFileSync } from "node:fs";

/** A loss at options with the value and gradients that torch gives it; base64 of little-endian doubles. */
export interface GoldenLoss {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly loss: string;
  readonly gradients: readonly string[];
}

export interface GoldenLossCase {
  readonly name: string;
  readonly batch: number;
  readonly classes: number;
  readonly counts: readonly number[];
  readonly pretrainPrior: readonly number[];
  readonly headScale: number;
  readonly masses: readonly number[];
  readonly labels: readonly number[];
  /** Per model, base64 of little-endian doubles. */
  readonly logits: readonly string[];
  readonly losses: readonly GoldenLoss[];
}

/** What `npm run fixtures -- losses` has written. */
export const lossesGolden = JSON.parse(
  readFileSync(new URL("../fixtures/losses/golden.json", import.meta.url), "utf8"),
) as { readonly reference: string; readonly cases: readonly GoldenLossCase[] };

export const unpackDoubles = (text: string): Float64Array => {
  const bytes = Buffer.from(text, "base64");
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
};

export const shownOptions = (options: GoldenLoss["options"]): string =>
  Object.entries(options)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
