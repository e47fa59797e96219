import type { AdapterTable } from "./adapter.ts";
import { elementwiseAdapters } from "./elementwise.ts";
import { normalisationAdapters } from "./normalisation.ts";
import { shapeAdapters } from "./shape.ts";
import { windowAdapters } from "./window.ts";

export type { AdaptedNode, Adapter } from "./adapter.ts";

/**
 * Standard operators that are written otherwise in a graph: because older versions had other attributes, or because a
 * few simple operators do what one with a gradient rule of its own would.
 */
export const adapters: AdapterTable = {
  ...elementwiseAdapters,
  ...normalisationAdapters,
  ...shapeAdapters,
  ...windowAdapters,
};
