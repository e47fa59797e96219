import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedPage {
  readonly url: string;
  close(): void;
}

/** The page at an address of its own that passes MLflow's API on, as `dualtail serve --http` does. */
export async function servePage(html: string, mlflow: string): Promise<ServedPage> {
  const server = createServer(async (request, answer) => {
    const path = request.url ?? "/";
    if (path === "/form/launch.html") {
      answer.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(html);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const passed = await fetch(mlflow + path.replace(/^\/form/, ""), {
      method: request.method,
      headers: { "Content-Type": "application/json" },
      body: request.method === "GET" ? undefined : Buffer.concat(chunks),
    });
    answer.writeHead(passed.status).end(Buffer.from(await passed.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/form/launch.html`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
