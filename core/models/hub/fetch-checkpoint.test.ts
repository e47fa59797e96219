import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type HubFiles, type HubRepo, startHub } from "../../../test/support/hub-server.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { makeTinyOpenClip } from "../../../test/support/tiny-open-clip.ts";
import { DualtailError } from "../../errors.ts";
import { openCheckpoint } from "../checkpoint/folder.ts";
import { openTokenizer } from "../tokenizer/index.ts";
import { resolveCheckpoint } from "./fetch-checkpoint.ts";
import { hubCache } from "./hub-env.ts";

const REPO = "maker/tiny-clip";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const location = { kind: "hub", repo: REPO, revision: "main" } as const;
/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";

let files: Record<string, Buffer>;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-hub-"));
  await makeTinyClip(folder);
  files = {};
  for (const name of await readdir(folder)) files[name] = await readFile(join(folder, name));
  await rm(folder, { recursive: true });
});

const repoOf = (content: HubFiles, more: Partial<HubRepo> = {}): Record<string, HubRepo> => ({
  [REPO]: { revisions: { main: COMMIT }, commits: { [COMMIT]: content }, ...more },
});

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DualtailError);
  return (error as DualtailError).oneLine;
}

describe("a checkpoint on the hub", () => {
  it("is fetched into the shared cache as Hugging Face's libraries lay it out, and opens", async () => {
    const hub = await startHub(
      repoOf({ ...files, "README.md": Buffer.from("# x"), "flax_model.msgpack": Buffer.alloc(99) }),
    );
    const cache = await temporaryFolder();
    const lines: string[] = [];
    const env = { HF_HUB_CACHE: cache, HF_ENDPOINT: `${hub.url}/` };
    const folder = await resolveCheckpoint(location, { env, onProgress: (line) => lines.push(line) });

    expect(folder).toBe(join(cache, "models--maker--tiny-clip", "snapshots", COMMIT));
    expect((await readdir(folder)).sort()).toEqual(Object.keys(files).sort());
    for (const [name, content] of Object.entries(files)) {
      expect((await lstat(join(folder, name))).isSymbolicLink()).toBe(true);
      expect(await readFile(join(folder, name))).toEqual(content);
    }
    expect(await readFile(join(folder, "../../refs/main"), "utf8")).toBe(COMMIT);
    expect(
      (await readdir(join(folder, "../../blobs"))).every((name) =>
        /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name),
      ),
    ).toBe(true);
    expect(lines).toContainEqual(
      expect.stringMatching(/^fetching maker\/tiny-clip: model\.safetensors \(0\.08 MB\)$/),
    );
    expect((await openCheckpoint(folder)).config.vision.width).toBe(16);
    expect((await openTokenizer(folder, 16)).vocabSize).toBe(537);

    const asked = hub.requests.length;
    expect(await resolveCheckpoint(location, { env })).toBe(folder);
    expect(hub.requests.length, "a cached checkpoint needs no network").toBe(asked);
    expect(
      await resolveCheckpoint({ ...location, revision: COMMIT }, { env: { ...env, HF_ENDPOINT: NOWHERE } }),
    ).toBe(folder);
  });

  it("is fetched with the token", async () => {
    const hub = await startHub(repoOf(files, { token: "hf_secret" }));
    const env = { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: hub.url };
    const refused = await failure(resolveCheckpoint(location, { env }));
    expect(refused).toMatch(/refuses access \(401\): it needs a token in HF_TOKEN/);
    const wrong = await failure(resolveCheckpoint(location, { env: { ...env, HF_TOKEN: "hf_wrong" } }));
    expect(wrong).toMatch(/the token in HF_TOKEN does not give access/);
    expect(wrong).not.toContain("hf_wrong");
    const none = await failure(resolveCheckpoint(location, { env: { ...env, HF_TOKEN: "password" } }));
    expect(none).toMatch(/HF_TOKEN does not hold a token of the hub, which start with hf_/);
    expect(none).not.toContain("password");
    await expect(resolveCheckpoint(location, { env: { ...env, HF_TOKEN: "hf_secret" } })).resolves.toContain(
      COMMIT,
    );
  });

  it("is fetched in spite of a busy server and a broken connection, and only what is missing", async () => {
    const hub = await startHub(repoOf(files));
    const cache = await temporaryFolder();
    const env = { HF_HUB_CACHE: cache, HF_ENDPOINT: hub.url };
    hub.interfere((path, count) => {
      if (path.endsWith("config.json") && count === 1) return 503;
      return path.endsWith("model.safetensors") && count === 2 ? "cut" : undefined;
    });
    const folder = await resolveCheckpoint(location, { env });
    expect(await readFile(join(folder, "model.safetensors"))).toEqual(files["model.safetensors"]);
    expect(
      (await readdir(join(folder, "../../blobs"))).filter((name) => name.includes("incomplete")),
    ).toEqual([]);

    await rm(join(folder, "vocab.json"));
    await rm(join(folder, "tokenizer.json"));
    const asked = hub.requests.length;
    await resolveCheckpoint(location, { env });
    expect(hub.requests.slice(asked).some((request) => request.includes("/resolve/"))).toBe(false);
    expect(await readFile(join(folder, "vocab.json"))).toEqual(files["vocab.json"]);
  });

  it("is refused when it arrives damaged, and leaves nothing behind", async () => {
    const hub = await startHub(repoOf(files));
    const cache = await temporaryFolder();
    hub.interfere((path) => (path.endsWith("model.safetensors") ? "damage" : undefined));
    const message = await failure(
      resolveCheckpoint(location, { env: { HF_HUB_CACHE: cache, HF_ENDPOINT: hub.url } }),
    );
    expect(message).toMatch(/maker\/tiny-clip\/model\.safetensors: arrived damaged/);
    const repo = join(cache, "models--maker--tiny-clip");
    expect(await readdir(join(repo, "snapshots", COMMIT))).not.toContain("model.safetensors");
    expect((await readdir(join(repo, "blobs"))).filter((name) => name.includes("incomplete"))).toEqual([]);
    await expect(readFile(join(repo, "refs/main"))).rejects.toThrow("ENOENT");
  });

  it("takes the hub's own conversion where only pickled weights are published, and nobody else's", async () => {
    const { "model.safetensors": weights, ...rest } = files;
    const pickled: HubFiles = { ...rest, "pytorch_model.bin": Buffer.alloc(10) };
    const converted = "f".repeat(40);
    const proposal = {
      num: 7,
      isPullRequest: true,
      title: "Adding `safetensors` variant of this model",
      author: { name: "SFconvertbot" },
    };
    const repo = (discussions: object[]) =>
      repoOf(pickled, {
        revisions: { main: COMMIT, "refs/pr/7": converted },
        commits: {
          [COMMIT]: pickled,
          [converted]: { ...pickled, "model.safetensors": weights!, "config.json": Buffer.from("{}") },
        },
        discussions,
      });
    const hub = await startHub(
      repo([{ num: 3, isPullRequest: false, title: "question", author: { name: "someone" } }, proposal]),
    );
    const lines: string[] = [];
    const env = { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: hub.url };
    const folder = await resolveCheckpoint(location, { env, onProgress: (line) => lines.push(line) });
    expect(folder).toContain(COMMIT);
    expect(lines).toContain("maker/tiny-clip: weights from the hub's conversion to safetensors, refs/pr/7");
    expect((await openCheckpoint(folder)).weights.tensors.size).toBe(78);

    const stranger = await startHub(repo([{ ...proposal, author: { name: "someone" } }]));
    const message = await failure(
      resolveCheckpoint(location, {
        env: { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: stranger.url },
      }),
    );
    expect(message).toMatch(
      /maker\/tiny-clip \(revision main\) has no model\.safetensors — give another `repo`/,
    );
  });

  it("is fetched in open_clip's layout where that is all there is, and in Hugging Face's where both are", async () => {
    const made = await temporaryFolder();
    await makeTinyOpenClip(made);
    const own: Record<string, Buffer> = {};
    for (const name of await readdir(made)) own[name] = await readFile(join(made, name));
    const pickled = { "open_clip_pytorch_model.bin": Buffer.alloc(9), "pytorch_model.bin": Buffer.alloc(9) };
    const fetched = async (content: HubFiles): Promise<string> => {
      const hub = await startHub(repoOf(content));
      const env = { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: hub.url };
      const folder = await resolveCheckpoint(location, { env });
      expect(await resolveCheckpoint(location, { env: { ...env, HF_HUB_OFFLINE: "1" } })).toBe(folder);
      return folder;
    };
    // With a config.json whose weights are pickled, as some repositories have it: the layout that is whole counts.
    const folder = await fetched({ ...own, ...pickled, "config.json": files["config.json"]! });
    expect((await readdir(folder)).sort()).toEqual(Object.keys(own).sort());
    expect((await openCheckpoint(folder)).layout).toBe("open_clip");
    const { text } = (await openCheckpoint(folder)).config;
    expect((await openTokenizer(folder, text.contextLength)).encode(["a cat"]).eot[0]).toBeGreaterThan(1);

    const both = await fetched({ ...own, ...files });
    expect(await readdir(both)).not.toContain("open_clip_model.safetensors");
    expect((await openCheckpoint(both)).layout).toBe("Hugging Face");

    const { "open_clip_model.safetensors": _, ...weightless } = own;
    expect(await failure(fetched({ ...weightless, ...pickled }))).toMatch(
      /has no open_clip_model\.safetensors — give another `repo`/,
    );
    const { "tokenizer.json": _json, "vocab.json": _vocab, ...wordless } = own;
    expect(await failure(fetched(wordless))).toMatch(/has no tokenizer\.json — give another `repo`/);
  });

  it("takes all files of weights in several", async () => {
    const { "model.safetensors": weights, ...rest } = files;
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const index = { weight_map: { a: shards[0], b: shards[1] } };
    const hub = await startHub(
      repoOf({
        ...rest,
        "model.safetensors.index.json": Buffer.from(JSON.stringify(index)),
        [shards[0]!]: weights!,
        [shards[1]!]: Buffer.from("second"),
      }),
    );
    const env = { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: hub.url };
    const folder = await resolveCheckpoint(location, { env });
    expect((await readdir(folder)).filter((name) => name.startsWith("model"))).toEqual([
      ...shards,
      "model.safetensors.index.json",
    ]);
    await rm(join(folder, shards[1]!));
    await resolveCheckpoint(location, { env });
    expect(await readFile(join(folder, shards[1]!), "utf8")).toBe("second");
  });
});

describe("without the network", () => {
  it("a cached checkpoint is found by branch and by commit", async () => {
    const cache = await temporaryFolder();
    const repo = join(cache, "models--maker--tiny-clip");
    const snapshot = join(repo, "snapshots", COMMIT);
    for (const folder of [snapshot, join(repo, "blobs"), join(repo, "refs/refs/pr")])
      await mkdir(folder, { recursive: true });
    for (const [i, [name, content]] of Object.entries(files).entries()) {
      await writeFile(join(repo, "blobs", `blob${i}`), content);
      await symlink(join("../../blobs", `blob${i}`), join(snapshot, name));
    }
    await writeFile(join(repo, "refs/main"), COMMIT);
    await writeFile(join(repo, "refs/refs/pr/7"), `${COMMIT}\n`);
    const env = {
      HF_HOME: join(cache, "none"),
      HF_HUB_CACHE: cache,
      HF_HUB_OFFLINE: "1",
      HF_ENDPOINT: NOWHERE,
    };
    for (const revision of ["main", COMMIT, "refs/pr/7"]) {
      expect(await resolveCheckpoint({ ...location, revision }, { env })).toBe(snapshot);
    }
    const message = await failure(resolveCheckpoint({ ...location, revision: "v2" }, { env }));
    expect(message).toMatch(
      /\(revision v2\) cannot be fetched: HF_HUB_OFFLINE is set and it is not in the cache/,
    );
    await rm(join(repo, "blobs", "blob0"));
    expect(await failure(resolveCheckpoint(location, { env })), "a link that leads nowhere").toContain(
      "HF_HUB_OFFLINE",
    );
  });

  it("the error says what to put where", async () => {
    const env = { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: NOWHERE };
    expect(await failure(resolveCheckpoint(location, { env }))).toMatch(
      /the checkpoint maker\/tiny-clip \(revision main\) cannot be fetched: http:\/\/127\.0\.0\.1:9 cannot be reached \(.+\) — download config\.json, preprocessor_config\.json, model\.safetensors \(Hugging Face layout\) or open_clip_config\.json, open_clip_model\.safetensors \(open_clip layout\), and tokenizer\.json .* into a folder and set the backbone's option `folder`/,
    );
  });

  it("and with a hub that does not have it, or is broken", async () => {
    const hub = await startHub({});
    const env = { HF_HUB_CACHE: await temporaryFolder(), HF_ENDPOINT: hub.url };
    expect(await failure(resolveCheckpoint(location, { env }))).toMatch(
      /has no such repository or revision — download/,
    );
    hub.interfere(() => 500);
    expect(await failure(resolveCheckpoint(location, { env }))).toMatch(/answers with status 500 — download/);
  });

  it("a local folder is taken as it is", async () => {
    expect(await resolveCheckpoint({ kind: "folder", path: "/some/folder" })).toBe("/some/folder");
  });
});

describe("hubCache", () => {
  it.each([
    [{}, join(homedir(), ".cache/huggingface/hub")],
    [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "/h" }, "/h/hub"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/c" }, "/c"],
    [{ HF_HOME: "" }, join(homedir(), ".cache/huggingface/hub")],
  ])("of %j is %s", (env, expected) => {
    expect(hubCache(env)).toBe(expected);
  });
});
