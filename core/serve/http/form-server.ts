import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DualtailError, describeError } from "../../errors.ts";
import { MlflowError } from "../../mlflow-js-client/index.ts";
import type { Calls, Sent } from "./calls.ts";

/** The form of one experiment. */
export interface Form {
  readonly experimentId: string;
  /** Made anew each time that it is opened: what trainings take is learnt. */
  readonly page: () => Promise<string>;
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
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
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
  const byExperiment = new Map(forms.map((form) => [form.experimentId, form]));
  const server = createServer((request, answer) => {
    handle({ secret, byExperiment }, request).then(
      ({ status, type, body, policy }) =>
        answer
          .writeHead(status, {
            ...HEADERS,
            "Content-Type": type,
            ...(policy ? { "Content-Security-Policy": policy } : {}),
          })
          .end(body),
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
  /** In place of one that lets nothing run. */
  readonly policy?: string;
}

interface Served {
  readonly secret: string;
  readonly byExperiment: ReadonlyMap<string, Form>;
}

const NOT_FOUND: Answered = { status: 404, type: "text/plain", body: "not found\n" };

async function handle({ secret, byExperiment }: Served, request: IncomingMessage): Promise<Answered> {
  const { headers, method } = request;
  const { host = "", origin } = headers;
  // A name that resolves to this machine is not this machine's.
  if (!/^(127\.0\.0\.1|localhost):\d+$/.test(host)) return NOT_FOUND;
  if (origin !== undefined && origin !== `http://${host}`) return NOT_FOUND;
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const [, given = "", experimentId = "", path] = /^\/([^/]+)\/([^/]+)(\/.*)$/.exec(pathname) ?? [];
  if (!isSame(given, secret)) return NOT_FOUND;
  const form = byExperiment.get(experimentId);
  if (form === undefined || path === undefined) return NOT_FOUND;
  if (method === "GET" && path === "/launch.html") {
    const body = await form.page();
    return { status: 200, type: "text/html; charset=utf-8", body, policy: policyOf(body) };
  }
  // Links from elsewhere open the page; nothing but the page itself asks for more.
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return NOT_FOUND;
  const name = `${method} ${path}`;
  const call = Object.hasOwn(form.calls, name) ? form.calls[name] : undefined;
  if (call === undefined) return NOT_FOUND;
  const sent = method === "GET" ? Object.fromEntries(searchParams) : await bodyOf(request);
  return { status: 200, type: "application/json", body: JSON.stringify(await call(sent)) };
}

/** In a time that does not tell how much of it is right. */
function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The page's own policy, which its `meta` element has for MLflow's viewer, with what only a header can say. */
function policyOf(page: string): string {
  const [, own = "default-src 'none'"] =
    /<meta http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? [];
  return `${own}; frame-ancestors 'none'`;
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
