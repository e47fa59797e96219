/** Items that are made one ahead of their use. */
export interface WorkAhead<T> {
  /** The next item; the one after it is begun. @throws what making it threw */
  next(): Promise<T>;
  /** Waits for what is under way, so that nothing goes on behind the caller's back. Never throws. */
  settle(): Promise<void>;
}

/**
 * Makes the items `first` … `end` − 1 in order, each while the one before is used: item i may use the same memory as
 * item i − 2.
 */
export function workAhead<T>(first: number, end: number, make: (index: number) => Promise<T>): WorkAhead<T> {
  let index = first;
  let ahead: Promise<T> | undefined;
  const begin = (): void => {
    ahead = index < end ? make(index++) : undefined;
    // It is thrown where the item is asked for; until then it must not count as unhandled.
    ahead?.catch(() => {});
  };
  return {
    async next() {
      if (ahead === undefined) begin();
      if (ahead === undefined) throw new RangeError(`there is no item ${end}`);
      const item = await ahead;
      begin();
      return item;
    },
    async settle() {
      await ahead?.catch(() => {});
    },
  };
}
