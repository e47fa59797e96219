import type { AnyPlugin, PluginKind } from "../container/index.ts";
import { DualtailError, describeError } from "../errors.ts";

/** `ok`: as it must be; `fail`: to be repaired; `note`: worth knowing, neither. */
export type Verdict = "ok" | "fail" | "note";

/** What one check has found. */
export interface Outcome {
  readonly verdict: Verdict;
  /** What was found, with what was expected where that is not plain. */
  readonly found: string;
  /** What to do about it. */
  readonly repair?: string;
}

/** What a check has found with some options. */
export interface Finding extends Outcome {
  /** Name of the check, e.g. "gradient". */
  readonly check: string;
  /** The options it was made with, e.g. "defaults" or "tau: 0". */
  readonly where: string;
}

/** All that was found of one plugin. */
export interface CheckReport {
  readonly kind?: PluginKind;
  readonly name?: string;
  /** Where the plugin came from. */
  readonly from: string;
  readonly findings: readonly Finding[];
  /** No finding is a failure. */
  readonly passed: boolean;
}

export const ok = (found: string): Outcome => ({ verdict: "ok", found });
export const fail = (found: string, repair: string): Outcome => ({ verdict: "fail", found, repair });
export const note = (found: string): Outcome => ({ verdict: "note", found });

/** Gathers findings; a check that throws is a failed one. */
export interface Findings {
  readonly list: readonly Finding[];
  /** @returns whether it did not fail */
  run(
    check: string,
    where: string,
    make: () => Promise<Outcome> | Outcome,
    repair?: string,
  ): Promise<boolean>;
}

export function createFindings(): Findings {
  const list: Finding[] = [];
  return {
    list,
    async run(check, where, make, repair = "the message above comes from the plugin or its graph") {
      let outcome: Outcome;
      try {
        outcome = await make();
      } catch (error) {
        outcome = thrown(error, repair);
      }
      list.push({ check, where, ...outcome });
      return outcome.verdict !== "fail";
    },
  };
}

function thrown(error: unknown, repair: string): Outcome {
  if (error instanceof DualtailError) return fail(error.message, error.hint ?? repair);
  const first =
    error instanceof Error ? error.stack?.split("\n").find((line) => /^\s+at /.test(line)) : undefined;
  return fail(`it throws: ${describeError(error)}${first ? ` (${first.trim()})` : ""}`, repair);
}

export function reportOf(from: string, list: readonly Finding[], plugin?: AnyPlugin): CheckReport {
  return {
    ...(plugin ? { kind: plugin.kind, name: plugin.name } : {}),
    from,
    findings: list,
    passed: list.every(({ verdict }) => verdict !== "fail"),
  };
}
