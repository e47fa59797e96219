import type { LaunchRequest } from "./types.ts";

/** The tag that holds a request, or with `.0`, `.1`, … its pieces. */
export const REQUEST_TAG = "dualtail.request";

/** Longest piece of a request in one tag, characters: below the limit of every MLflow in use. */
export const PIECE = 4500;

/** A request as tags: whole, or in pieces where one tag does not hold it. */
export function requestTags(request: LaunchRequest): Record<string, string> {
  // ASCII alone, so that no character is cut in two.
  const text = JSON.stringify(request).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (text.length <= PIECE) return { [REQUEST_TAG]: text };
  const count = Math.ceil(text.length / PIECE);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`${REQUEST_TAG}.${i}`, text.slice(i * PIECE, (i + 1) * PIECE)]),
  );
}
