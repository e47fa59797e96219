import type { Analysis } from "../analysis.ts";
import { claimsOf } from "../claims.ts";
import { type Block, cell, heading } from "../document/blocks.ts";

/** The paper's qualitative claims, each with its verdict, its rule and the figures. */
export function claimsBlocks(analysis: Analysis): Block[] {
  const claims = claimsOf(analysis);
  return [
    heading(2, "The paper's qualitative claims"),
    {
      kind: "table",
      leftColumns: 2,
      header: ["claim", "here"],
      rows: claims.map(({ claim, verdict }) => [cell(claim), cell(verdict)]),
    },
    ...claims.flatMap(({ claim, verdict, rule, evidence }): Block[] => [
      heading(3, `${claim}: ${verdict}`),
      { kind: "list", items: [`Rule: ${rule}.`, ...evidence] },
    ]),
  ];
}
