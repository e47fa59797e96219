/** Learning rate by epoch (0-based), as a factor on the base rate. */
export type Schedule = (epoch: number, epochs: number) => number;

/** Half a cosine from 1 towards 0, stepped once per epoch without warm-up (LIFT). */
export const cosine: Schedule = (epoch, epochs) => 0.5 * (1 + Math.cos((Math.PI * epoch) / epochs));

export const constant: Schedule = () => 1;

export const schedules = { cosine, constant } as const satisfies Record<string, Schedule>;
