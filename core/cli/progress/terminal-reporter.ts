import cliProgress from "cli-progress";
import type { Clock } from "../../container/index.ts";
import type { CliReporter } from "./cli-reporter.ts";
import { describeEnd, describeProgress } from "./rate.ts";
import type { Style } from "./style.ts";

const BAR_WIDTH = 24;
const LABEL_WIDTH = 34;

const CLEAR_TO_END = "\u001b[K";

interface Payload {
  readonly label: string;
  readonly unit: string;
  readonly start: number;
}

const padLabel = (label: string) =>
  label.length > LABEL_WIDTH ? `${label.slice(0, LABEL_WIDTH - 1)}…` : label.padEnd(LABEL_WIDTH);

/**
 * One bar per stage under way, redrawn in place; a stage that ends leaves a line. Lines printed meanwhile appear above
 * the bars.
 */
export function terminalReporter(stream: NodeJS.WriteStream, clock: Clock, style: Style): CliReporter {
  let bars: cliProgress.MultiBar | undefined;
  let active = 0;

  const drawBar = (value: number, total: number, { label, unit, start }: Payload) => {
    const seconds = (clock.now() - start) / 1000;
    if (total <= 0) return `${padLabel(label)} ${describeProgress({ done: value, total, unit, seconds })}`;
    const share = Math.min(1, value / total);
    const full = Math.round(share * BAR_WIDTH);
    const bar = "█".repeat(full) + style.dim("░".repeat(BAR_WIDTH - full));
    return `${padLabel(label)} ${bar} ${describeProgress({ done: value, total, unit, seconds })}`;
  };

  const begin = () => {
    bars ??= new cliProgress.MultiBar({
      stream,
      format: (_options, params, payload) => drawBar(params.value, params.total, payload as Payload),
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      fps: 8,
      linewrap: false,
      gracefulExit: false,
    });
    active++;
    return bars;
  };

  const stop = () => {
    // Lines that wait for the next redraw would be lost.
    bars?.update();
    bars?.stop();
    bars = undefined;
    active = 0;
  };

  const print = (text: string) => {
    // The rest of the line may hold part of a bar.
    if (bars) bars.log(`${text}${CLEAR_TO_END}\n`);
    else stream.write(`${text}\n`);
  };

  return {
    stage(label, total, unit) {
      const start = clock.now();
      const payload: Payload = { label, unit, start };
      const owner = begin();
      const bar = owner.create(total, 0, payload);
      let done = 0;
      let ended = false;
      return {
        advance(count) {
          done += count;
          if (!ended) bar.update(done);
        },
        done(note) {
          if (ended) return;
          ended = true;
          const end = describeEnd({ done, total, unit, seconds: (clock.now() - start) / 1000 });
          const summary = `${style.good("✓")} ${label}: ${end}${note ? `; ${note}` : ""}`;
          if (bars !== owner) return print(summary);
          active--;
          if (active === 0) stop();
          else owner.remove(bar);
          print(summary);
        },
      };
    },
    line: print,
    warn: (text) => print(style.warn(`warning: ${text}`)),
    close: stop,
  };
}
