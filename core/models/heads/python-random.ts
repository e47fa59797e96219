import { mersenneFromState } from "pure-rand/generator/mersenne";

const STATES = 624;

/**
 * Shuffles as Python's `random.seed(seed)` and `random.shuffle` do, so that what LIFT draws can be drawn here: the
 * Mersenne Twister of 2002 with `init_by_array([seed])`, and Fisher–Yates from the end, an index below n being the top
 * bits of a draw, drawn again while they are not below n.
 * @param seed whole number in [0, 2^32)
 */
export function pythonShuffle(seed: number): <T>(items: T[]) => void {
  const generator = mersenneFromState([0, ...initByArray(seed)]);
  // The generator twists a state as it moves on: one round turns all of the fresh ones into numbers to hand out.
  for (let i = 0; i < STATES; i++) generator.next();
  const below = (n: number): number => {
    const unused = Math.clz32(n);
    for (;;) {
      const drawn = generator.next() >>> unused;
      if (drawn < n) return drawn;
    }
  };
  return (items) => {
    for (let i = items.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
  };
}

function initByArray(seed: number): number[] {
  const states = [19650218];
  for (let i = 1; i < STATES; i++) states.push((Math.imul(1812433253, mixed(states[i - 1]!)) + i) | 0);
  let i = 1;
  const stir = (rounds: number, factor: number, added: (i: number) => number) => {
    for (let round = 0; round < rounds; round++) {
      states[i] = ((states[i]! ^ Math.imul(factor, mixed(states[i - 1]!))) + added(i)) | 0;
      if (++i < STATES) continue;
      states[0] = states[STATES - 1]!;
      i = 1;
    }
  };
  stir(STATES, 1664525, () => seed);
  stir(STATES - 1, 1566083941, (at) => -at);
  states[0] = 0x80000000;
  return states;
}

const mixed = (state: number): number => state ^ (state >>> 30);
