export {
  type Analyzed,
  type AnalyzeOptions,
  analysisFiles,
  analyzeRuns,
  analyzeSettings,
  type SettingsOptions,
} from "./analyze/build.ts";
export { isRunId, type Subject } from "./analyze/select.ts";
export { buildReport, type Report, type ReportOptions } from "./build.ts";
export { ReportError, RunArtifactError } from "./errors.ts";
export { logReport, writeFiles, writeReport } from "./publish.ts";
