import { DualtailError } from "../errors.ts";
import { MlflowError } from "../mlflow-js-client/index.ts";

/** Tracking that does not work: an unreachable server, refused credentials, a run that is gone. */
export class TrackingError extends DualtailError {}

/** This machine cannot run an MLflow server; the caller may keep the data on disk instead. */
export class NoMlflowError extends TrackingError {}

/** No Python that could run MLflow. */
export class NoPythonError extends NoMlflowError {}

/** MLflow could not be installed: no network, no disk space, no matching package. */
export class MlflowInstallError extends NoMlflowError {}

/** Turns what the client throws into an error for users; everything else passes unchanged. */
export function trackingError(error: unknown): unknown {
  if (!(error instanceof MlflowError)) return error;
  return new TrackingError(error.message, { hint: hintFor(error), cause: error });
}

/** Awaits a call of the client. @throws TrackingError */
export async function tracked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw trackingError(error);
  }
}

function hintFor(error: MlflowError): string | undefined {
  if (error.unreachable) {
    return "check MLFLOW_TRACKING_URI and that the server runs, or unset it to let dualtail start a server of its own";
  }
  if (error.status === 401 || error.status === 403) {
    return "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN";
  }
  return undefined;
}
