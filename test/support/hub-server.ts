import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A commit's files by path; `lfs` ones are known by their sha256, the others by their git hash. */
export type HubFiles = Readonly<Record<string, Buffer>>;

export interface HubRepo {
  /** Revision → commit. */
  readonly revisions: Readonly<Record<string, string>>;
  readonly commits: Readonly<Record<string, HubFiles>>;
  readonly discussions?: readonly object[];
  /** Requests without this token are refused. */
  readonly token?: string;
}

export interface HubServer {
  readonly url: string;
  /** "METHOD /path" in the order they came. */
  readonly requests: string[];
  /** Called before each answer; what it returns is sent instead: a status, or "cut" for a connection that breaks. */
  interfere(how: (path: string, count: number) => number | "cut" | "damage" | undefined): void;
}

/** Imitates as much of the Hugging Face hub as its client needs to fetch a model. */
export async function startHub(repos: Readonly<Record<string, HubRepo>>): Promise<HubServer> {
  const requests: string[] = [];
  const counts = new Map<string, number>();
  let interfere: Parameters<HubServer["interfere"]>[0] = () => undefined;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://hub").pathname);
    requests.push(`${request.method} ${path}`);
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    const fault = interfere(path, count);
    if (typeof fault === "number") response.writeHead(fault).end();
    else answer(repos, path, request, response, fault);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    interfere: (how) => {
      interfere = how;
    },
  };
}

function answer(
  repos: Readonly<Record<string, HubRepo>>,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: "cut" | "damage" | undefined,
): void {
  const json = (value: unknown, status = 200): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  const [name, repo] = Object.entries(repos).find(([name]) => path.includes(`/${name}/`)) ?? [];
  if (!name || !repo) {
    json({ error: "Repository not found" }, 404);
    return;
  }
  if (repo.token && request.headers.authorization !== `Bearer ${repo.token}`) {
    json({ error: "Access denied" }, 401);
    return;
  }
  const [what, ...rest] = path.slice(path.indexOf(name) + name.length + 1).split("/");
  const given = rest.join("/");
  const revision = [...Object.keys(repo.revisions), ...Object.keys(repo.commits)].find(
    (known) => given === known || given.startsWith(`${known}/`),
  );
  const commit = revision && (repo.revisions[revision] ?? revision);
  const files = commit ? repo.commits[commit] : undefined;
  const content = files?.[given.slice((revision?.length ?? 0) + 1)];
  if (what === "discussions") json({ discussions: repo.discussions ?? [] });
  else if (!files) json({ error: "Invalid rev id" }, 404);
  else if (what === "revision")
    json({ _id: "1", id: name, sha: commit, lastModified: "2024-01-01T00:00:00Z" });
  else if (what === "tree") json(Object.entries(files).map(([path, content]) => describe(path, content)));
  else if (what === "resolve" && content) send(content, request, response, fault);
  else json({ error: "Entry not found" }, 404);
}

function describe(path: string, content: Buffer): object {
  const git = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const lfs = { lfs: { oid: sha256, size: content.length, pointerSize: 134 } };
  return {
    type: "file",
    path,
    size: content.length,
    oid: git,
    ...(/\.(safetensors|bin)$/.test(path) ? lfs : {}),
  };
}

function send(
  content: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  fault?: "cut" | "damage",
): void {
  const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
  const etag = `"${createHash("sha1").update(content).digest("hex")}"`;
  if (from !== undefined && to !== undefined) {
    const part = content.subarray(Number(from), Number(to) + 1);
    response.writeHead(206, { etag, "content-range": `bytes ${from}-${to}/${content.length}` }).end(part);
    return;
  }
  response.writeHead(200, { etag, "content-length": content.length });
  if (fault === "cut") response.write(content.subarray(0, content.length / 2), () => response.destroy());
  else if (fault === "damage") response.end(Buffer.from(content).reverse());
  else response.end(content);
}
