import type { ReportedResults } from "../../../core/plugin-api/index.ts";
import { PAPER } from "../shared/paper.ts";

export const reported: readonly ReportedResults[] = [
  {
    source: `${PAPER}, main table`,
    rows: [
      { method: "LIFT", loss: "la", many: 76.2, medium: 72.1, few: 66.8, overall: 72.6 },
      { method: "GLA", loss: "gla", many: 76.8, medium: 73.0, few: 68.5, overall: 73.5 },
      { method: "backdoor", loss: "backdoor", many: 77.5, medium: 73.9, few: 69.7, overall: 74.2 },
    ],
  },
  {
    source: `${PAPER}, ablation`,
    rows: [
      { method: "CE", loss: "ce", overall: 71.8 },
      { method: "LA", loss: "la", overall: 73.0 },
      { method: "GLA-Train", loss: "gla-train", overall: 73.2 },
      { method: "GLA-ZS + GLA-FT", loss: "gla", overall: 73.5 },
      { method: "backdoor", loss: "backdoor", overall: 74.2 },
    ],
  },
];
