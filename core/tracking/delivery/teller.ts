import { describeError } from "../../errors.ts";
import { TrackingError } from "../errors.ts";
import type { Delivered } from "./delivered.ts";
import { isTimeout } from "./pacing.ts";
import type { Refusable } from "./refusals.ts";

export interface TellerOptions {
  readonly uri: string;
  /** Folder of all journals; named to the user. */
  readonly root: string;
  readonly warn: (line: string) => void;
  readonly line: (line: string) => void;
  /** The user was told that the server does not answer. */
  readonly told?: boolean;
}

/** What the user is told of the delivery: of trouble once, and once that it is over. */
export interface Teller {
  refused(what: Refusable, reason: string): void;
  gone(run: Delivered): void;
  /** @param again whether it is more than one lost connection */
  failed(error: unknown, by: "server" | Delivered, again: boolean): void;
  /** The server takes what it is given, of this run where one is named. Returns whether the user was told otherwise. */
  works(run?: Delivered): boolean;
  /** How far a run is delivered cannot be noted beside it. */
  unmarked(run: Delivered, error: unknown): void;
  /** Events of so many runs are not delivered at the end. */
  left(events: number, runs: number, error: unknown): void;
  /** What went wrong with one run at the end. */
  atEnd(run: Delivered, error: unknown): void;
}

/** A server that comes and goes is not worth a line each time, ms. */
const TELL_EVERY = 60_000;

export function createTeller({ uri, root, warn, line, told: toldBefore }: TellerOptions): Teller {
  const refused = new Set<Refusable>();
  /** Who got on not, the last time the user was told so. */
  let told: "server" | Delivered | undefined = toldBefore ? "server" : undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let isUnmarked = false;
  return {
    refused(what, reason) {
      if (refused.has(what)) return;
      refused.add(what);
      const article = /^[aeiou]/.test(what) ? "an" : "a";
      warn(
        `MLflow refused ${article} ${what} for good and goes without it: ${reason}. All such are in rejected.jsonl below ${root}`,
      );
    },
    gone: ({ id, folder }) =>
      warn(`the run ${id} was deleted on MLflow; it stays so, and is kept in ${folder}`),
    failed(error, by, again) {
      if (told === by || told === "server" || !(again || isTimeout(error))) return;
      if (told !== undefined && by !== "server") return;
      if (Date.now() - toldAt < TELL_EVERY) return;
      toldAt = Date.now();
      told = by;
      const what = describe(error);
      warn(`${what}. The work goes on; runs are kept in ${root} and sent when MLflow takes them again`);
    },
    works(run) {
      if (told !== (run ?? "server")) return false;
      told = undefined;
      line(`MLflow at ${uri} takes data again; what was kept is being sent`);
      return true;
    },
    unmarked({ folder }, error) {
      if (!isUnmarked) warn(`how far ${folder} is delivered cannot be noted there: ${describeError(error)}`);
      isUnmarked = true;
    },
    left(events, runs, error) {
      const why = error === undefined ? "" : ` (${describeError(error)})`;
      warn(
        `${events} events of ${runs} run${runs === 1 ? "" : "s"} are not on MLflow yet${why}; upload them: npx dualtail sync ${root}`,
      );
    },
    atEnd: ({ id, folder }, error) =>
      warn(`the delivery of the run ${id} could not be ended in order (${folder}): ${describeError(error)}`),
  };
}

/** A server's failure without the advice for a start: it is gone on with. */
const describe = (error: unknown): string =>
  error instanceof TrackingError ? error.message : describeError(error);
