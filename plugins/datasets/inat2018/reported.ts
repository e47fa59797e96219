import type { ReportedResults } from "../../../core/plugin-api/index.ts";
import { PAPER } from "../shared/paper.ts";

export const reported: readonly ReportedResults[] = [
  {
    source: `${PAPER}, main table`,
    rows: [
      { method: "LIFT", loss: "la", many: 78.3, medium: 76.1, few: 74.2, overall: 76.0 },
      { method: "backdoor", loss: "backdoor", many: 80.5, medium: 78.2, few: 76.3, overall: 78.0 },
    ],
  },
];
