import { HubApiError, type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { DualtailError } from "../../errors.ts";
import type { CheckpointLocation } from "../../plugin-api/backbone.ts";
import { type CachedRepo, cachedRepo } from "./cache.ts";
import { convertedRevision } from "./converted-weights.ts";
import { downloadBlob, type HubRequest, hashOf } from "./download-blob.ts";
import { type Env, hubCache, hubToken, hubUrl, isOffline } from "./hub-env.ts";
import { missingFiles, missingIn, NEEDED, wantedFiles } from "./needed-files.ts";

/** How a checkpoint is found, and fetched where it is not here yet. */
export interface ResolveOptions {
  /** Lines for the user, while something is fetched. */
  readonly onProgress?: (line: string) => void;
  /**
   * HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE count, as in every Hugging Face library; default
   * the process's environment.
   */
  readonly env?: Env;
}

type HubLocation = Extract<CheckpointLocation, { kind: "hub" }>;

/**
 * The local folder of a checkpoint. One on the hub is fetched into the cache that Hugging Face's libraries share; what
 * is there already is used without asking the network.
 * @throws DualtailError saying which files to put where, when it cannot be fetched
 */
export async function resolveCheckpoint(
  location: CheckpointLocation,
  { onProgress = () => {}, env = process.env }: ResolveOptions = {},
): Promise<string> {
  if (location.kind === "folder") return location.path;
  const cached = cachedRepo(hubCache(env), location.repo);
  const commit = await cached.commitOf(location.revision);
  if (commit !== undefined && (await missingIn(cached.snapshot(commit))).length === 0)
    return cached.snapshot(commit);
  if (isOffline(env)) throw notFetched(location, "HF_HUB_OFFLINE is set and it is not in the cache");
  const accessToken = hubToken(env);
  if (accessToken && !accessToken.startsWith("hf_")) {
    throw notFetched(location, "HF_TOKEN does not hold a token of the hub, which start with hf_");
  }
  const request = {
    repo: location.repo,
    revision: location.revision,
    hubUrl: hubUrl(env),
    ...(accessToken ? { accessToken } : {}),
  };
  try {
    return await fetchInto(cached, request, onProgress);
  } catch (cause) {
    throw explain(location, request, cause);
  }
}

async function fetchInto(
  cached: CachedRepo,
  request: HubRequest,
  onProgress: (line: string) => void,
): Promise<string> {
  const { repo, revision, hubUrl, accessToken } = request;
  const access = { hubUrl, ...(accessToken ? { accessToken } : {}) };
  const { sha: commit } = await modelInfo({ name: repo, revision, additionalFields: ["sha"], ...access });
  const pinned = { ...request, revision: commit };
  const files = (await listing(pinned)).map((entry) => ({ entry, from: pinned }));
  if (lacks(files.map(({ entry }) => entry)).includes("model.safetensors")) {
    const converted = await convertedRevision(request);
    const found = converted ? await listing({ ...request, revision: converted }) : [];
    const taken = new Set(
      wantedFiles(found.map(({ path }) => path)).filter((path) => path.startsWith("model")),
    );
    for (const entry of found)
      if (taken.has(entry.path)) files.push({ entry, from: { ...request, revision: converted! } });
    if (taken.size > 0) onProgress(`${repo}: weights from the hub's conversion to safetensors, ${converted}`);
  }
  const missing = lacks(files.map(({ entry }) => entry));
  if (missing.length > 0) {
    throw new DualtailError(`${repo} (revision ${revision}) has no ${missing.join(", ")}`, {
      hint: `give another \`repo\` or \`revision\`, or the option \`folder\` with ${NEEDED}`,
    });
  }
  for (const path of wantedFiles(files.map(({ entry }) => entry.path))) {
    const { entry, from } = files.find((file) => file.entry.path === path)!;
    await downloadBlob(from, entry, cached.blob(hashOf(entry)), progressLines(repo, entry, onProgress));
    await cached.link(commit, path, hashOf(entry));
  }
  await cached.remember(revision, commit);
  return cached.snapshot(commit);
}

async function listing({ repo, revision, hubUrl, accessToken }: HubRequest): Promise<ListFileEntry[]> {
  const entries: ListFileEntry[] = [];
  const access = { hubUrl, ...(accessToken ? { accessToken } : {}) };
  for await (const entry of listFiles({ repo: { type: "model", name: repo }, revision, ...access })) {
    if (entry.type === "file") entries.push(entry);
  }
  return entries;
}

function lacks(entries: readonly ListFileEntry[]): string[] {
  const paths = new Set(entries.map(({ path }) => path));
  return missingFiles((path) => paths.has(path));
}

const MEGABYTE = 1e6;

/** One line when a file starts, and for a large one another at every tenth. */
function progressLines(
  repo: string,
  { path, size }: ListFileEntry,
  onProgress: (line: string) => void,
): (done: number) => void {
  let tenths = -1;
  return (done) => {
    const reached = size < 20 * MEGABYTE ? 0 : Math.floor((10 * done) / size);
    if (reached <= tenths) return;
    tenths = reached;
    const [some, all] = [done, size].map((bytes) => (bytes / MEGABYTE).toFixed(size < MEGABYTE ? 2 : 0));
    onProgress(
      reached === 0
        ? `fetching ${repo}: ${path} (${all} MB)`
        : `fetching ${repo}: ${path}, ${some} of ${all} MB`,
    );
  };
}

function notFetched({ repo, revision }: HubLocation, problem: string, cause?: unknown): DualtailError {
  return new DualtailError(`the checkpoint ${repo} (revision ${revision}) cannot be fetched: ${problem}`, {
    hint: `download ${NEEDED} of ${repo} into a folder and set the backbone's option \`folder\` to it`,
    cause,
  });
}

function explain(location: HubLocation, { hubUrl, accessToken }: HubRequest, cause: unknown): DualtailError {
  if (cause instanceof DualtailError) return cause;
  if (cause instanceof HubApiError) {
    const { statusCode } = cause;
    if (statusCode === 404)
      return notFetched(location, `${hubUrl} has no such repository or revision`, cause);
    if (statusCode === 401 || statusCode === 403) {
      const token = accessToken
        ? "the token in HF_TOKEN does not give access"
        : "it needs a token in HF_TOKEN, or does not exist";
      return notFetched(location, `${hubUrl} refuses access (${statusCode}): ${token}`, cause);
    }
    return notFetched(location, `${hubUrl} answers with status ${statusCode}`, cause);
  }
  const { cause: reason, message } = cause as {
    cause?: { code?: string; message?: string };
    message?: string;
  };
  return notFetched(
    location,
    `${hubUrl} cannot be reached (${reason?.code ?? reason?.message ?? message})`,
    cause,
  );
}
