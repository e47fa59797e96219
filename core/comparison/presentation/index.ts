export { type AggregatedRow, aggregateOverSeeds, type ResultRow, type Spread } from "./aggregate.ts";
export { COMPARISON_COLUMNS, type ComparisonTable, comparisonTable } from "./comparison-table.ts";
export { type PerClassInput, type PerClassTable, perClassTable } from "./per-class-table.ts";
export * from "./plots/index.ts";
