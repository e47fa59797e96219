import { defineStrataLoss } from "../../../core/plugin-api/index.ts";
import { SPACE_OPTION, type Space, spaces } from "../shared/spaces.ts";

interface ControlOptions {
  readonly space: Space;
  readonly tau: number;
  readonly runs?: number;
}

export const plugin = defineStrataLoss<ControlOptions>({
  name: "control",
  summary:
    "Equal-compute control of backdoor: la runs of one backbone with as many seeds, combined in the same way; what backdoor gains over it is not ensembling",
  shiftInvariant: true,
  options: {
    type: "object",
    properties: {
      space: SPACE_OPTION,
      tau: {
        type: "number",
        default: 1,
        title: "τ",
        description: "Strength of the shift by the log class prior in the la runs",
      },
      runs: {
        type: "integer",
        minimum: 2,
        description:
          "Runs that are combined, of seeds seed + 1000003·j, j = 0, 1, …; as many as there are backbones (at least 2) when absent",
      },
    },
    additionalProperties: false,
  },
  recipe: ({ space, tau, runs }) => ({
    mode: "post-hoc",
    base: { use: "la", tau },
    over: "seeds",
    ...(runs === undefined ? {} : { runs }),
    predict: spaces[space],
  }),
});
