import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DualtailError, describeError } from "../../errors.ts";
import { MlflowError } from "../../mlflow-js-client/index.ts";
import type { Calls, Sent } from "./calls.ts";

/** The form of one experiment. */
export interface Form {
  readonly experimentId: string;
  readonly page: string;
  readonly calls: Calls;
}

export interface FormServer {
  /** Address of an experiment's form; whoever has it may do what the form does. */
  url(experimentId: string): string;
  close(): Promise<void>;
}

/** Bytes of a body. */
const MOST = 1_000_000;

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * Serves forms to browsers on this machine, at the loopback address alone. The path holds a secret that is new with each
 * start, so that neither other users of the machine nor pages of other sites can ask for anything.
 * @param port 0: any that is free
 * @throws DualtailError when the port is taken
 */
export async function startFormServer(forms: readonly Form[], port: number): Promise<FormServer> {
  const secret = randomBytes(16).toString("hex");
  const byPath = new Map(forms.map((form) => [`/${secret}/${form.experimentId}`, form]));
  const server = createServer((request, answer) => {
    handle(byPath, request).then(
      ({ status, type, body }) => answer.writeHead(status, { ...HEADERS, "Content-Type": type }).end(body),
      (error: unknown) => fail(answer, error),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new DualtailError(`the form cannot be served at port ${port} (${cause.code})`, {
          hint: "give --http another port, or none",
          cause,
        }),
      ),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: (experimentId) => `${base}/${secret}/${experimentId}/launch.html`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const NOT_FOUND: Answered = { status: 404, type: "text/plain", body: "not found\n" };

async function handle(forms: ReadonlyMap<string, Form>, request: IncomingMessage): Promise<Answered> {
  // A name that resolves to this machine is not this machine's.
  if (!/^(127\.0\.0\.1|localhost):\d+$/.test(request.headers.host ?? "")) return NOT_FOUND;
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const [, prefix, path] = /^(\/[0-9a-f]{32}\/[^/]+)(\/.*)$/.exec(pathname) ?? [];
  const form = prefix === undefined ? undefined : forms.get(prefix);
  if (form === undefined || path === undefined) return NOT_FOUND;
  if (request.method === "GET" && path === "/launch.html") {
    return { status: 200, type: "text/html; charset=utf-8", body: form.page };
  }
  const name = `${request.method} ${path}`;
  const call = Object.hasOwn(form.calls, name) ? form.calls[name] : undefined;
  if (call === undefined) return NOT_FOUND;
  const sent = request.method === "GET" ? Object.fromEntries(searchParams) : await bodyOf(request);
  return { status: 200, type: "application/json", body: JSON.stringify(await call(sent)) };
}

async function bodyOf(request: IncomingMessage): Promise<Sent> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to its end all the same: a connection that is cut gives the page no answer.
    if (size <= MOST) chunks.push(chunk);
  }
  if (size > MOST) throw invalid("the request is too large");
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString()) as unknown;
    if (typeof body === "object" && body !== null) return body as Sent;
  } catch {
    // Told below.
  }
  throw invalid("the body is no JSON object");
}

const invalid = (message: string) =>
  new MlflowError(message, { status: 400, errorCode: "INVALID_PARAMETER_VALUE" });

/** In MLflow's form, which the page shows. */
function fail(answer: ServerResponse, error: unknown): void {
  const { status, errorCode } =
    error instanceof MlflowError ? error : { status: 500, errorCode: "INTERNAL_ERROR" };
  const body = JSON.stringify({ error_code: errorCode, message: describeError(error) });
  // 0: MLflow did not answer.
  answer.writeHead(status || 502, { ...HEADERS, "Content-Type": "application/json" }).end(body);
}
