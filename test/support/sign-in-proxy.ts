import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface SignInProxy {
  /** With the prefix, without credentials. */
  readonly uri: string;
  close(): Promise<void>;
}

/** Stands before a real server, below a path of its own, and lets through who says one of `authorizations`. */
export async function startSignInProxy(
  target: string,
  prefix: string,
  authorizations: readonly string[],
): Promise<SignInProxy> {
  const server = createServer((incoming, outgoing) => {
    const { authorization = "", ...headers } = incoming.headers;
    if (!authorizations.includes(authorization)) {
      incoming.resume();
      // As careless as a proxy can be: it repeats what it was told.
      outgoing.writeHead(401).end(`not allowed: ${authorization}`);
      return;
    }
    const path = incoming.url ?? "/";
    if (!path.startsWith(`${prefix}/`)) {
      incoming.resume();
      outgoing.writeHead(404).end();
      return;
    }
    const url = new URL(path.slice(prefix.length), target);
    const onward = request(
      url,
      { method: incoming.method, headers: { ...headers, host: url.host } },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => incoming.socket.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
