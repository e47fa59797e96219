/** How long work is waited for before others have their turn beside it, ms. */
const SLOW = 2000;

/** Most works at once. */
const LANES = 4;

/** Work for one after the other; what takes long goes on beside the others. */
export interface Lanes<T> {
  /** Begins the work when there is a place; resolves when it has ended or takes long. It must not throw. */
  take(who: T, work: () => Promise<void>): Promise<void>;
  has(who: T): boolean;
  readonly size: number;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

/** @param onEnd called when work that went on beside others has ended */
export function createLanes<T>(onEnd: () => void): Lanes<T> {
  const busy = new Map<T, Promise<void>>();
  return {
    async take(who, work) {
      while (busy.size >= LANES) await Promise.race(busy.values());
      let isSlow = false;
      const done = work().finally(() => {
        busy.delete(who);
        if (isSlow) onEnd();
      });
      busy.set(who, done);
      let timer: NodeJS.Timeout | undefined;
      const slow = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, SLOW);
        // The request it waits for keeps the process.
        timer.unref();
      });
      await Promise.race([done, slow]);
      clearTimeout(timer);
      isSlow = busy.get(who) === done;
    },
    has: (who) => busy.has(who),
    get size() {
      return busy.size;
    },
    async idle() {
      while (busy.size > 0) await Promise.all(busy.values());
    },
  };
}
