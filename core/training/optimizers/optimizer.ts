import type { Graph, Value } from "../../graph/index.ts";

/** What one parameter's update reads. */
export interface UpdateInputs {
  readonly param: Value;
  readonly gradient: Value;
  /** One value per slot, shaped like the parameter, zero at the start. */
  readonly slots: readonly Value[];
  /** Scalars fed at each step. */
  readonly lr: Value;
  readonly scalars: Readonly<Record<string, Value>>;
  /** 0 where weight decay does not apply. */
  readonly weightDecay: number;
}

/** The new values of a parameter and its slots. */
export interface Update {
  readonly param: Value;
  readonly slots: readonly Value[];
}

/** An optimizer as graph expressions. */
export interface Optimizer {
  readonly slots: readonly string[];
  readonly weightDecay: number;
  /** Further scalars by name, for step number t = 1, 2, … */
  scalars(t: number): Readonly<Record<string, number>>;
  /** Appends the update of one parameter. */
  update(g: Graph, inputs: UpdateInputs): Update;
}
