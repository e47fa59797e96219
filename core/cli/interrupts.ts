import { once } from "node:events";
import { DualtailError } from "../errors.ts";
import { EXIT } from "./host.ts";

export class InterruptedError extends DualtailError {}

export interface Interrupts {
  readonly signal: AbortSignal;
  /** Stops listening. */
  dispose(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** First signal: `signal` is aborted and the work winds down. Second: the process ends at once. */
export function listenForInterrupts(remark: (text: string) => void): Interrupts {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    remark(`${name}: stopping; once more to stop at once`);
    controller.abort(new InterruptedError("interrupted"));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}

/** Resolves at the first Ctrl-C. */
export async function untilInterrupted(signal: AbortSignal): Promise<void> {
  // A pending promise alone does not keep Node running.
  const alive = setInterval(() => {}, 60_000);
  try {
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    clearInterval(alive);
  }
}
