/** Most runs that send files at once: where those hang, there is room left for metrics. */
const MOST = 2;

/** What is expected of any network, bytes per ms. */
const SPEED = 1000;

/** Files that are being sent. */
export interface Uploads<T> {
  /** Takes a place, where there is one or `who` has it already; kept until `ended`. */
  mayBegin(who: T): boolean;
  began(who: T, bytes: number): void;
  ended(who: T): void;
  /** Until when those under way may take, by their sizes, ms since the epoch. */
  until(): number;
}

export function createUploads<T>(): Uploads<T> {
  const places = new Map<T, number>();
  return {
    mayBegin(who) {
      if (!places.has(who) && places.size >= MOST) return false;
      if (!places.has(who)) places.set(who, 0);
      return true;
    },
    began(who, bytes) {
      places.set(who, Date.now() + bytes / SPEED);
    },
    ended(who) {
      places.delete(who);
    },
    until: () => Math.max(0, ...places.values()),
  };
}
