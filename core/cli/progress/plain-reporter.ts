import type { Clock } from "../../container/index.ts";
import type { Stage } from "../../container/reporter.ts";
import type { CliReporter, Output } from "./cli-reporter.ts";
import { describeEnd, describeProgress } from "./rate.ts";

/** Between two lines of one stage: at least this much progress and time, or the longer time alone. */
const MIN_SHARE = 0.1;
const MIN_SECONDS = 1;
const MAX_SECONDS = 10;

/** Progress as lines, for logs: when a stage starts, about every 10 % or 10 s, and when it ends. */
export function plainReporter(output: Output, clock: Clock): CliReporter {
  const print = (text: string) => output.write(`${text}\n`);
  return {
    stage(label, total, unit) {
      const start = clock.now();
      let done = 0;
      let last = { done: 0, at: start };
      let ended = false;
      const progress = () => ({ done, total, unit, seconds: (clock.now() - start) / 1000 });
      print(total > 0 ? `${label}: ${total} ${unit}` : `${label} …`);
      const stage: Stage = {
        advance(count) {
          done += count;
          const now = clock.now();
          const elapsed = (now - last.at) / 1000;
          const moved = total > 0 ? (done - last.done) / total : 0;
          const due = elapsed >= MAX_SECONDS || (moved >= MIN_SHARE && elapsed >= MIN_SECONDS);
          if (ended || !due || (total > 0 && done >= total)) return;
          last = { done, at: now };
          print(`${label}: ${describeProgress(progress())}`);
        },
        done(note) {
          if (ended) return;
          ended = true;
          print(`${label}: done, ${describeEnd(progress())}${note ? `; ${note}` : ""}`);
        },
      };
      return stage;
    },
    line: print,
    warn: (text) => print(`warning: ${text}`),
    close() {},
  };
}
