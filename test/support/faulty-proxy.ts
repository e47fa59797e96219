import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What happens to one request: `pass`; `refuse` cuts the connection before the server sees it; `lose` cuts it after the
 * server has done what it asks; `hang` never answers; a number answers with that status, `{ status, text }` with that body
 * too; `{ delayMs }` passes it on later; `{ cutAfter }` cuts the connection once so many bytes of the body are on their way.
 */
export type Fault =
  | "pass"
  | "refuse"
  | "lose"
  | "hang"
  | number
  | { readonly status: number; readonly text: string }
  | { readonly delayMs: number }
  | { readonly cutAfter: number };

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  /** Of all requests, from 1. */
  readonly count: number;
  /** JSON; empty for anything else, which is streamed. */
  readonly body: string;
}

export interface FaultyProxy {
  readonly uri: string;
  /** Requests so far, "POST /api/…". */
  readonly requests: readonly string[];
  /** Decides about each request; replaced at any time. */
  fault: (request: ProxiedRequest) => Fault;
  close(): Promise<void>;
}

/** An HTTP proxy before a real server that does to requests what networks and servers do. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "/";
    const method = incoming.method ?? "GET";
    const count = requests.push(`${method} ${path}`);
    const decide = (body: string) => {
      const fault = proxy.fault({ method, path, count, body });
      if (fault === "refuse") incoming.socket.destroy();
      else if (fault === "hang") incoming.resume();
      else if (typeof fault === "number" || (typeof fault === "object" && "status" in fault)) {
        const { status, text } =
          typeof fault === "number" ? { status: fault, text: "the proxy says so" } : fault;
        incoming.resume();
        outgoing.writeHead(status).end(text);
      } else {
        const delay = typeof fault === "object" && "delayMs" in fault ? fault.delayMs : 0;
        setTimeout(() => forward(target, incoming, outgoing, fault, body), delay);
      }
    };
    if (incoming.headers["content-type"] !== "application/json") return decide("");
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => decide(Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FaultyProxy = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: () => "pass",
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

function forward(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault,
  body: string,
): void {
  const url = new URL(incoming.url ?? "/", target);
  const headers = { ...incoming.headers, host: url.host };
  const onward = request(url, { method: incoming.method, headers }, (answer) => {
    if (fault === "lose") {
      answer.resume();
      answer.on("end", () => incoming.socket.destroy());
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on("error", () => incoming.socket.destroy());
  if (body !== "") {
    onward.end(body);
    return;
  }
  if (typeof fault === "object" && "cutAfter" in fault) {
    let seen = 0;
    incoming.on("data", (chunk: Buffer) => {
      seen += chunk.length;
      if (seen < fault.cutAfter) return;
      incoming.socket.destroy();
      onward.destroy();
    });
  }
  incoming.pipe(onward);
}
