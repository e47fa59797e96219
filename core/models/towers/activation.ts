import { DualtailError } from "../../errors.ts";
import type { Graph, Value } from "../../graph/index.ts";

const activations: Readonly<Record<string, (g: Graph, x: Value) => Value>> = {
  quick_gelu: (g, x) => g.quickGelu(x),
  gelu: (g, x) => g.gelu(x),
  relu: (g, x) => g.relu(x),
};

/** The activation a checkpoint's config names. @throws DualtailError for one that is not known, listing those that are */
export function activation(name: string): (g: Graph, x: Value) => Value {
  const found = activations[name];
  if (found === undefined) {
    throw new DualtailError(`the checkpoint's activation "${name}" is not supported`, {
      hint: `known: ${Object.keys(activations).join(", ")}`,
    });
  }
  return found;
}
