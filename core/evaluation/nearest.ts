export interface Neighbour {
  readonly similarity: number;
  readonly index: number;
}

/** The k largest of a stream of similarities; of equal ones the lower index is nearer. */
export interface Nearest {
  offer(similarity: number, index: number): void;
  /** Nearest first. */
  sorted(): Neighbour[];
}

/** A binary heap with the farthest kept neighbour on top: most offers end at one comparison. */
export function createNearest(k: number): Nearest {
  const similarity = new Float64Array(k);
  const index = new Int32Array(k);
  let size = 0;
  const farther = (i: number, j: number) =>
    similarity[i]! < similarity[j]! || (similarity[i]! === similarity[j]! && index[i]! > index[j]!);
  const swap = (i: number, j: number) => {
    const s = similarity[i]!;
    const x = index[i]!;
    similarity[i] = similarity[j]!;
    index[i] = index[j]!;
    similarity[j] = s;
    index[j] = x;
  };

  return {
    offer(s, x) {
      if (size < k) {
        let at = size++;
        similarity[at] = s;
        index[at] = x;
        while (at > 0 && farther(at, (at - 1) >> 1)) {
          swap(at, (at - 1) >> 1);
          at = (at - 1) >> 1;
        }
        return;
      }
      if (!(s > similarity[0]! || (s === similarity[0]! && x < index[0]!))) return;
      similarity[0] = s;
      index[0] = x;
      let at = 0;
      while (true) {
        const left = 2 * at + 1;
        if (left >= k) return;
        const child = left + 1 < k && farther(left + 1, left) ? left + 1 : left;
        if (!farther(child, at)) return;
        swap(child, at);
        at = child;
      }
    },
    sorted() {
      return Array.from({ length: size }, (_, i) => ({ similarity: similarity[i]!, index: index[i]! })).sort(
        (a, b) => b.similarity - a.similarity || a.index - b.index,
      );
    },
  };
}
