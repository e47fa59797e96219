import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Work that is done once per vitest run, when the first test asks for it, so that runs without such a test stay quick. */
export interface OnDemand<T> {
  /** GET it: begins the work; 202 until it is done, then 200 and its result, or 500 and why it failed. */
  readonly url: string;
  /** What was begun, where it was. */
  readonly begun: () => Promise<T> | undefined;
  close(): void;
}

export async function onDemand<T>(
  work: () => Promise<T>,
  textOf: (result: T) => string,
): Promise<OnDemand<T>> {
  let begun: Promise<T> | undefined;
  let state = { status: 202, text: "" };
  const server = createServer((_request, answer) => {
    if (begun === undefined) {
      begun = work();
      begun.then(
        (result) => {
          state = { status: 200, text: textOf(result) };
        },
        (error: Error) => {
          state = { status: 500, text: error.message };
        },
      );
    }
    answer.writeHead(state.status).end(state.text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    begun: () => begun,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The result, once it is there. @param what it is, for the error */
export async function demand(url: string, what: string): Promise<string> {
  for (;;) {
    const answer = await fetch(url);
    const text = await answer.text();
    if (answer.status === 200) return text;
    if (answer.status !== 202) throw new Error(`${what}: ${text}`);
    await sleep(100);
  }
}
