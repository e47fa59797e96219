import { DualtailError } from "../errors.ts";

/** An experiment that no report can be made of. */
export class ReportError extends DualtailError {}

/** An artifact of a run that is missing or not what its name promises. */
export class RunArtifactError extends ReportError {
  readonly runId: string;
  readonly artifact: string;

  constructor(
    run: { readonly runId: string; readonly runName: string },
    artifact: string,
    problem: string,
    cause?: unknown,
  ) {
    super(`run "${run.runName}" (${run.runId}): artifact ${artifact} ${problem}`, {
      cause,
      hint: "repeat the run with `dualtail compare`; it is left out until then",
    });
    this.runId = run.runId;
    this.artifact = artifact;
  }
}
