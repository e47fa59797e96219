/**
 * A request that MLflow refused, or that never reached it. The message is one line, names the endpoint and never holds
 * a credential.
 */
export class MlflowError extends Error {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** MLflow's own code (`RESOURCE_DOES_NOT_EXIST`), the network's (`ECONNREFUSED`), `TIMEOUT`, or `HTTP_<status>`. */
  readonly errorCode: string;
  /** Method and path, e.g. `POST /api/2.0/mlflow/runs/create`. */
  readonly endpoint: string;
  /** How often it was tried. */
  readonly attempts: number;

  constructor(
    message: string,
    details: { status?: number; errorCode: string; endpoint?: string; attempts?: number },
  ) {
    super(message.replace(/\s+/g, " ").trim());
    this.name = "MlflowError";
    this.status = details.status ?? 0;
    this.errorCode = details.errorCode;
    this.endpoint = details.endpoint ?? "";
    this.attempts = details.attempts ?? 1;
  }

  /** Whether the same request may succeed later: no answer, 408, 429, or the server's own failure. */
  get transient(): boolean {
    const { status, errorCode } = this;
    if (errorCode === "INVALID_REQUEST") return false;
    return status === 0 || status === 408 || status === 429 || status >= 500;
  }

  /** Whether no answer came at all: wrong address, nobody listening, no route, too slow. */
  get unreachable(): boolean {
    return this.status === 0 && this.transient;
  }
}

/** Whether `error` is MLflow's answer with this code. */
export function hasErrorCode(error: unknown, errorCode: string): error is MlflowError {
  return error instanceof MlflowError && error.errorCode === errorCode;
}
