import { createAjv } from "../container/schema/ajv.ts";
import { explain } from "../container/schema/explain.ts";
import { toPointer } from "../container/schema/problem.ts";
import { describeError } from "../errors.ts";
import type { LaunchRequest } from "../launch-page/types.ts";
import { RefusedError } from "./errors.ts";
import { TAGS } from "./tags.ts";

export type { LaunchRequest } from "../launch-page/types.ts";

const ENVELOPE = {
  type: "object",
  additionalProperties: false,
  required: ["version", "config"],
  properties: { version: { const: 1 }, config: { type: "object" }, rerun: { type: "boolean" } },
};

const createCheck = () => createAjv({ fillDefaults: false }).compile(ENVELOPE);
/** Made once: that takes longer than all checks. */
let envelopeCheck: ReturnType<typeof createCheck> | undefined;

export const isRunId = (text: string | undefined): text is string => /^[0-9a-f]{32}$/.test(text ?? "");

/** The request in a run's tags, its pieces joined. @throws RefusedError when there is none, or too long a one */
export function requestText(tags: Readonly<Record<string, string>>, limit: number): string {
  const pieces = TAGS.request in tags ? [tags[TAGS.request]!] : [];
  let length = pieces[0]?.length ?? 0;
  for (let i = 0; pieces.length === i && length <= limit; i++) {
    const piece = tags[`${TAGS.request}.${i}`];
    if (piece === undefined) break;
    pieces.push(piece);
    length += piece.length;
  }
  if (length > limit) throw new RefusedError(`the request has more than ${limit} characters`);
  if (pieces.length === 0) throw new RefusedError(`the run has no tag ${TAGS.request}`);
  return pieces.join("");
}

/** @throws RefusedError saying what is wrong */
export function parseRequest(text: string): LaunchRequest {
  let data: LaunchRequest;
  try {
    data = JSON.parse(text) as LaunchRequest;
  } catch (cause) {
    throw new RefusedError(`the request is not JSON: ${describeError(cause)}`, { cause });
  }
  envelopeCheck ??= createCheck();
  const check = envelopeCheck;
  const fits: boolean = check(data);
  if (fits) return data;
  const [problem] = explain(check.errors ?? []);
  throw new RefusedError(`the request: ${toPointer(problem?.path ?? []) || "/"}: ${problem?.problem}`);
}
