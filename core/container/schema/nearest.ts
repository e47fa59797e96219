/** Edit distance between two words (insert, delete, replace, swap of neighbours all cost 1). */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => i + j),
  );
  const at = (i: number, j: number) => rows[i]![j]!;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replace = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, at(i - 2, j - 2) + 1);
      rows[i]![j] = best;
    }
  }
  return at(a.length, b.length);
}

const plain = (word: string) => word.toLowerCase().replaceAll(/[-_\s]/g, "");

/** The candidate that was probably meant by `word`, if any is close enough; case, `-` and `_` do not count. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    // Each letter too many costs 1 at least; a table of a long text's letters would take long.
    if (Math.abs(plain(word).length - plain(candidate).length) > mostOf(candidate)) continue;
    const distance = editDistance(plain(word), plain(candidate));
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  if (best === undefined) return undefined;
  return best.distance <= mostOf(best.candidate) ? best.candidate : undefined;
}

/** How far from it a word may be that means a candidate. */
const mostOf = (candidate: string) => Math.max(1, Math.floor(candidate.length / 3));

/** What to do about an unknown name: the likely one first, then all that exist. */
export function suggest(word: string, candidates: readonly string[], exist = "allowed"): string {
  if (candidates.length === 0) return `nothing is ${exist} here`;
  const likely = nearest(word, candidates);
  const all = `${exist}: ${[...candidates].sort().join(", ")}`;
  return likely === undefined ? all : `did you mean "${likely}"? (${all})`;
}
