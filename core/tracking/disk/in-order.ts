export interface Order {
  /** Runs a work after those before it have ended, however they ended; at once where there is none. It must not throw but reject. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** No work is under way. */
  readonly isIdle: boolean;
}

/** Works one after the other. */
export function createOrder(): Order {
  let last: Promise<unknown> | undefined;
  return {
    run(work) {
      const result = last === undefined ? work() : last.then(work);
      // Who asked gets the error; the next work shall not.
      const ended = result
        .catch(() => undefined)
        .then(() => {
          if (last === ended) last = undefined;
        });
      last = ended;
      return result;
    },
    get isIdle() {
      return last === undefined;
    },
  };
}
