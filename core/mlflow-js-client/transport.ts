import pRetry from "p-retry";
import type { Connection } from "./connection.ts";
import { MlflowError } from "./errors.ts";
import { failureOfAnswer, failureOfNetwork, retryAfterMs } from "./failure.ts";
import { timeLimit } from "./time-limit.ts";

/** Retries and time limits, in milliseconds. */
export interface TransportOptions {
  /** Tries after the first, for failures that may pass. Default 5. */
  readonly retries?: number;
  /** Wait before the second try; doubles each time, with jitter of up to as much again. Default 500. */
  readonly retryDelayMs?: number;
  /** Longest wait between two tries, also when the server asks for more. Default 30 000. */
  readonly maxRetryDelayMs?: number;
  /** Time for one try, answer included. Default 60 000. */
  readonly timeoutMs?: number;
  /**
   * The same for artifacts, which may be large: the least that sending one has, beside 2 s for each MB, and the longest
   * time without a byte of one that is read. Default 600 000.
   */
  readonly artifactTimeoutMs?: number;
  /** Aborted, it ends what is under way; nothing is tried again then. */
  readonly signal?: AbortSignal;
  /** In place of the global one, e.g. with a proxy. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the tracking URI, e.g. `/api/2.0/mlflow/runs/create`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
  readonly body?: Uint8Array | Blob;
  readonly artifact?: boolean;
  /** Overrides the transport's. */
  readonly retries?: number;
  readonly timeoutMs?: number;
  /** What a failure means here, where that is not what its status says. */
  readonly explain?: (failure: MlflowError) => MlflowError;
  /**
   * False when doing it twice is not the same as doing it once: then only failures before the server took the request
   * (nobody listening, 429, 503) are tried again.
   */
  readonly repeatable?: boolean;
}

export interface Transport {
  readonly base: string;
  redact(text: string): string;
  /** The body of a 2xx answer. @throws MlflowError */
  bytes(request: Request): Promise<Uint8Array>;
  text(request: Request): Promise<string>;
  /** The body parsed as JSON. @throws MlflowError */
  json<T>(request: Request): Promise<T>;
}

const NOT_TAKEN = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** Bytes per ms that an upload is expected to make: half of what any network should do. */
const SLOWEST = 500;

export function createTransport(connection: Connection, options: TransportOptions = {}): Transport {
  const { retries = 5, retryDelayMs = 500, maxRetryDelayMs = 30_000, signal } = options;
  const { timeoutMs = 60_000, artifactTimeoutMs = 600_000 } = options;

  const limitOf = ({ artifact, body, timeoutMs: own }: Request): number => {
    if (!artifact) return own ?? timeoutMs;
    return Math.max(own ?? artifactTimeoutMs, sizeOf(body) / SLOWEST);
  };

  async function once(request: Request, attempts: number): Promise<Uint8Array> {
    const endpoint = `${request.method} ${request.path}`;
    const limit = limitOf(request);
    const time = timeLimit(limit, signal);
    let answer: Response;
    let body: Uint8Array;
    try {
      answer = await (options.fetch ?? globalThis.fetch)(address(connection.base, request), {
        method: request.method,
        headers: {
          ...connection.headers,
          ...(request.json === undefined ? {} : { "content-type": "application/json" }),
        },
        body: request.json === undefined ? (request.body as Blob | undefined) : JSON.stringify(request.json),
        signal: time.signal,
        // A redirect to a login page would answer 200 with HTML, and one to another host would carry credentials there.
        redirect: "manual",
      });
      body = new Uint8Array(await (request.artifact ? watched(answer, time.renew) : answer).arrayBuffer());
    } catch (cause) {
      throw failureOfNetwork(cause, { endpoint, connection, attempts, limit });
    } finally {
      time.clear();
    }
    if (answer.ok) return body;
    const failure = failureOfAnswer(answer, body, { endpoint, connection, attempts });
    throw request.explain?.(failure) ?? failure;
  }

  async function bytes(request: Request): Promise<Uint8Array> {
    return pRetry((attempt) => once(request, attempt), {
      retries: request.retries ?? retries,
      minTimeout: retryDelayMs,
      maxTimeout: maxRetryDelayMs,
      factor: 2,
      randomize: true,
      shouldRetry: ({ error }) => !signal?.aborted && mayRepeat(error, request),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        const asked = retryAfterMs(error);
        if (asked === undefined || retriesLeft === 0 || !mayRepeat(error, request)) return;
        await new Promise((resolve) => setTimeout(resolve, Math.min(asked, maxRetryDelayMs)));
      },
    });
  }

  const text = async (request: Request) => new TextDecoder().decode(await bytes(request));

  return {
    base: connection.base,
    redact: connection.redact,
    bytes,
    text,
    async json<T>(request: Request): Promise<T> {
      const answer = await text(request);
      try {
        return JSON.parse(answer === "" ? "{}" : answer) as T;
      } catch {
        throw new MlflowError(
          `${connection.base}${request.path} did not answer with JSON; is there an MLflow server at ${connection.base}?`,
          { status: 200, errorCode: "NOT_MLFLOW", endpoint: `${request.method} ${request.path}` },
        );
      }
    },
  };
}

const sizeOf = (body: Uint8Array | Blob | undefined): number =>
  body === undefined ? 0 : body instanceof Blob ? body.size : body.byteLength;

/** The same answer; `onBytes` is called whenever some of its body has come. */
function watched(answer: Response, onBytes: () => void): Response {
  if (answer.body === null) return answer;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      onBytes();
      controller.enqueue(chunk);
    },
  });
  return new Response(answer.body.pipeThrough(counted));
}

function mayRepeat(error: Error, { repeatable = true }: Request): boolean {
  if (!(error instanceof MlflowError) || !error.transient) return false;
  return repeatable || NOT_TAKEN.has(error.errorCode) || error.status === 429 || error.status === 503;
}

function address(base: string, { path, query = {} }: Request): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined) parameters.set(key, String(value));
  const search = parameters.toString();
  return `${base}${path}${search === "" ? "" : `?${search}`}`;
}
