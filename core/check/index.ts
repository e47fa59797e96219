export { type CheckOptions, checkPlugin, checkSource } from "./check-plugin.ts";
export { type CheckStyle, describeReport } from "./describe.ts";
export type { CheckReport, Finding, Outcome, Verdict } from "./findings.ts";
