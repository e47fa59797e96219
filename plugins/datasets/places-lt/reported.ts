import type { ReportedResults } from "../../../core/plugin-api/index.ts";
import { PAPER } from "../shared/paper.ts";

export const reported: readonly ReportedResults[] = [
  {
    source: `${PAPER}, main table`,
    rows: [
      { method: "LIFT", loss: "la", many: 45.2, medium: 43.8, few: 44.5, overall: 44.3 },
      { method: "backdoor", loss: "backdoor", many: 46.9, medium: 45.3, few: 46.1, overall: 45.8 },
    ],
  },
];
