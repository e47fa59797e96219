import type { Connection } from "./connection.ts";
import { MlflowError } from "./errors.ts";

interface Attempt {
  readonly endpoint: string;
  readonly connection: Connection;
  readonly attempts: number;
}

const waits = new WeakMap<Error, number>();

/** How long the server asked to wait (its Retry-After), in ms. */
export const retryAfterMs = (error: Error): number | undefined => waits.get(error);

/** What an answer other than 2xx means. */
export function failureOfAnswer(answer: Response, body: Uint8Array, attempt: Attempt): MlflowError {
  const { endpoint, connection, attempts } = attempt;
  const { status } = answer;
  const { errorCode, problem } = explain(answer, new TextDecoder().decode(body));
  const message = connection.redact(
    `MLflow at ${connection.base} refused ${endpoint} (${errorCode}): ${problem}${tries(attempts)}`,
  );
  const error = new MlflowError(message, { status, errorCode, endpoint, attempts });
  const wait = parseRetryAfter(answer.headers.get("retry-after"));
  if (wait !== undefined) waits.set(error, wait);
  return error;
}

function explain(answer: Response, text: string): { errorCode: string; problem: string } {
  const { status } = answer;
  try {
    const { error_code, message } = JSON.parse(text) as { error_code?: unknown; message?: unknown };
    if (typeof error_code === "string") {
      return {
        errorCode: error_code,
        problem: short(typeof message === "string" ? message : "no reason given"),
      };
    }
  } catch {
    // Not MLflow's own answer but a proxy's: described below by its status.
  }
  const errorCode = `HTTP_${status}`;
  if (status === 401) return { errorCode, problem: "credentials are missing or wrong" };
  if (status === 403) return { errorCode, problem: "these credentials do not allow it" };
  if (status >= 300 && status < 400) {
    return {
      errorCode,
      problem: "the server redirects elsewhere; give the address it redirects to as tracking URI",
    };
  }
  if (status === 404)
    return { errorCode, problem: "there is no such endpoint; is this an MLflow server's address?" };
  return {
    errorCode,
    problem: short(text.startsWith("<") || text === "" ? answer.statusText || "no reason given" : text),
  };
}

/** What it means that fetch threw. The cause is described, not attached: it may hold headers. */
export function failureOfNetwork(cause: unknown, attempt: Attempt & { readonly limit: number }): MlflowError {
  const { endpoint, connection, attempts, limit } = attempt;
  const { code, message } = rootOf(cause);
  const timedOut =
    code === "TimeoutError" || code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT";
  const errorCode = timedOut ? "TIMEOUT" : code;
  const problem = timedOut ? `no answer within ${limit / 1000} s` : (KNOWN[code] ?? message);
  const text = `MLflow at ${connection.base} cannot be reached for ${endpoint}: ${problem}${tries(attempts)}`;
  return new MlflowError(connection.redact(text), { errorCode, endpoint, attempts });
}

const UNTRUSTED = "its TLS certificate is not trusted; name its authority's file in NODE_EXTRA_CA_CERTS";
const KNOWN: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the host name could not be looked up",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
};

/** undici wraps the reason, and a host with several addresses wraps one reason per address. */
function rootOf(error: unknown): { code: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: "UNKNOWN", message: String(error) };
  if (error.cause instanceof Error) return rootOf(error.cause);
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return { code, message: `${error.message} (${code})` };
  return {
    code: error.name === "TimeoutError" ? error.name : "NETWORK",
    message: error.message || error.name,
  };
}

/** Retry-After: seconds, or an HTTP date. */
function parseRetryAfter(header: string | null): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

const tries = (attempts: number) => (attempts > 1 ? ` (after ${attempts} attempts)` : "");

/** SQL and parameters in MLflow's messages help nobody here. */
function short(text: string): string {
  const line = text.split(/\[SQL:|\n/)[0]!.trim();
  return line.length > 500 ? `${line.slice(0, 500)}…` : line;
}
