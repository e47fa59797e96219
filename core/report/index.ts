export { buildReport, type Report, type ReportOptions } from "./build.ts";
export { ReportError, RunArtifactError } from "./errors.ts";
export { logReport, writeReport } from "./publish.ts";
