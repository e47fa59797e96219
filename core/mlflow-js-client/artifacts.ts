import { openAsBlob } from "node:fs";
import { withoutCredentials } from "./connection.ts";
import { MlflowError } from "./errors.ts";
import type { Transport } from "./transport.ts";
import type { Artifact } from "./types.ts";
import { toArtifact, type WireFile } from "./wire.ts";

/** A run's id and where it keeps artifacts: `run.info`. */
export interface ArtifactOwner {
  readonly runId: string;
  readonly artifactUri: string;
}

/** Artifacts through the server's own proxy (`mlflow server --artifacts-destination`, its default since 2.0). */
export interface Artifacts {
  /** What lies in one folder of the run's artifacts; `path` "" is the root. Works for every artifact store. */
  list(runId: string, path?: string): Promise<Artifact[]>;
  /** @throws MlflowError (UNSUPPORTED_ARTIFACT_URI) for a run whose artifacts the server does not proxy, or not any more */
  upload(run: ArtifactOwner, path: string, content: string | Uint8Array): Promise<void>;
  /** Streams a file of any size. @throws MlflowError as `upload`; Node's own error when the file cannot be read */
  uploadFile(run: ArtifactOwner, path: string, file: string): Promise<void>;
  /**
   * A whole file, however long it takes as long as bytes come: `timeoutMs` is the longest time without one, default the
   * client's for artifacts. @throws MlflowError as `upload`, and when there is no such file
   */
  download(run: ArtifactOwner, path: string, options?: { readonly timeoutMs?: number }): Promise<Uint8Array>;
}

export function artifactsOf(transport: Transport): Artifacts {
  const explain = (failure: MlflowError) => notServed(failure, transport.base);
  const put = async (run: ArtifactOwner, path: string, body: Uint8Array | Blob) => {
    const at = proxyPath(run, path, transport.base);
    await transport.bytes({ method: "PUT", path: at, body, artifact: true, explain });
  };
  return {
    async list(runId, path = "") {
      const all: Artifact[] = [];
      let pageToken: string | undefined;
      do {
        const answer = await transport.json<{ files?: WireFile[]; next_page_token?: string }>({
          method: "GET",
          path: "/api/2.0/mlflow/artifacts/list",
          query: { run_id: runId, path: path === "" ? undefined : path, page_token: pageToken },
        });
        all.push(...(answer.files ?? []).map(toArtifact));
        pageToken = answer.next_page_token || undefined;
      } while (pageToken !== undefined);
      return all;
    },
    async upload(run, path, content) {
      await put(run, path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    },
    async uploadFile(run, path, file) {
      await put(run, path, await openAsBlob(file));
    },
    async download(run, path, { timeoutMs } = {}) {
      const at = proxyPath(run, path, transport.base);
      return transport.bytes({ method: "GET", path: at, artifact: true, timeoutMs, explain });
    },
  };
}

const UNSUPPORTED = "UNSUPPORTED_ARTIFACT_URI";

/** A server that was started again without its proxy says 503, which is for ever. */
function notServed(failure: MlflowError, base: string): MlflowError {
  // Under uvicorn and under gunicorn it says so in different words.
  if (failure.status !== 503 || !/--(no-)?serve-artifacts/.test(failure.message)) return failure;
  const { endpoint, attempts } = failure;
  return new MlflowError(
    `MLflow at ${base} neither takes nor gives artifacts, since it runs with --no-serve-artifacts: start it without`,
    { errorCode: UNSUPPORTED, status: 400, endpoint, attempts },
  );
}

/** mlflow-artifacts:/1/<run>/artifacts + a/b.txt → /api/2.0/mlflow-artifacts/artifacts/1/<run>/artifacts/a/b.txt */
function proxyPath({ runId, artifactUri }: ArtifactOwner, path: string, base: string): string {
  const match = /^mlflow-artifacts:(?:\/\/([^/]*))?\/*(.*)$/.exec(artifactUri);
  const host = match?.[1];
  if (!match || (host && host !== new URL(base).host)) {
    throw new MlflowError(
      `run ${runId} keeps its artifacts at ${withoutCredentials(artifactUri)}, which only the server's own proxy could ` +
        "write for us: start the server with --artifacts-destination and use an experiment created since",
      { errorCode: UNSUPPORTED, status: 400 },
    );
  }
  const segments = [...match[2]!.split("/"), ...checked(path)].filter((segment) => segment !== "");
  return `/api/2.0/mlflow-artifacts/artifacts/${segments.map(encodeURIComponent).join("/")}`;
}

function checked(path: string): string[] {
  const segments = path.split("/");
  const bad =
    segments.some((segment) => segment === "" || segment === "." || segment === "..") || /[#\\\0]/.test(path);
  if (!bad) return segments;
  throw new MlflowError(
    `"${path}" is no artifact path: it must be relative, with forward slashes, without "..", "\\" and "#"`,
    { errorCode: "INVALID_REQUEST", status: 400 },
  );
}
