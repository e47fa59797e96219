/** What a delivery has done of one thing: what a further try only does again is no progress. */
export interface Steps {
  /** A try begins anew. */
  begin(): void;
  /** The server did what it was asked. */
  step(): void;
  /** The thing is done; the next one begins. */
  done(): void;
  /** Differs from what it was at the last failure where the delivery has got on since. */
  readonly where: string;
}

/** @param onProgress called for each step that no earlier try came to */
export function createSteps(onProgress: () => void = () => {}): Steps {
  let now = 0;
  let furthest = 0;
  let progress = 0;
  return {
    begin() {
      now = 0;
    },
    step() {
      now += 1;
      if (now <= furthest) return;
      furthest = now;
      progress += 1;
      onProgress();
    },
    done() {
      now = 0;
      furthest = 0;
    },
    get where() {
      return `${progress}.${now}`;
    },
  };
}
