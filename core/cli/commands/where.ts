import { UsageError } from "../failure.ts";

/** Params that runs must have, from --where param=value. @throws UsageError */
export const whereOf = (texts: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(texts.map(pairOf));

function pairOf(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new UsageError(`--where ${text}: not of the form param=value`, {
      hint: "e.g. --where dataset.imbalanceRatio=100",
    });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}
