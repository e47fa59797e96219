import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { absoluteLinks, addressFrom, originOf } from "../scripts/release/address.mts";

const root = fileURLToPath(new URL("..", import.meta.url));
const workflow = (name: string) =>
  parse(readFileSync(join(root, ".github/workflows", name), "utf8")) as Workflow;

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly needs?: string;
        readonly permissions?: Readonly<Record<string, string>>;
        readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
      }
    >
  >;
}

describe(".ci/run", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ci-run-"));
    mkdirSync(join(folder, "bin"));
    symlinkSync(
      spawnSync("which", ["dirname"], { encoding: "utf8" }).stdout.trim(),
      join(folder, "bin/dirname"),
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** The commands that the script gives, on a machine where these programs are all that there is. */
  const commands = (user: number, programs: Readonly<Record<string, string>>) => {
    const said = { id: `echo ${user}`, "apt-get": log("apt-get"), npm: log("npm"), ...programs };
    for (const [name, text] of Object.entries(said)) {
      writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, "bin", name), 0o755);
    }
    const env = { PATH: join(folder, "bin"), LOG: join(folder, "log") };
    const { status, stderr } = spawnSync("/bin/bash", [join(root, ".ci/run")], { env, encoding: "utf8" });
    expect(stderr).toBe("");
    return { status, ran: readFileSync(join(folder, "log"), "utf8").trim().split("\n") };
  };
  const log = (name: string) => `echo "${name} $*" >> "$LOG"`;
  const [update, install] = ["apt-get update -qq", "apt-get install -y -qq"];

  it("as root installs by itself, without sudo", () => {
    expect(commands(0, { python3: "exit 1" })).toEqual({
      status: 0,
      ran: [
        ...[
          update,
          `${install} python3-venv`,
          update,
          `${install} chromium`,
          update,
          `${install} redis-server`,
        ],
        ...["npm ci", "npm test", "npm run test:system"],
      ],
    });
  });

  it("as another user asks sudo for packages, and for nothing else", () => {
    const present = { python3: "exit 0", chromium: "", sudo: log("sudo") };
    expect(commands(1000, present)).toEqual({
      status: 0,
      ran: [`sudo ${update}`, `sudo ${install} redis-server`, "npm ci", "npm test", "npm run test:system"],
    });
  });

  it("goes on without a browser and Redis, and not without Python's venv", () => {
    const refusing = { "apt-get": "exit 100" };
    expect(commands(0, { python3: "exit 0", ...refusing })).toEqual({
      status: 0,
      ran: ["npm ci", "npm test", "npm run test:system"],
    });
    rmSync(join(folder, "log"));
    writeFileSync(join(folder, "log"), "");
    expect(commands(0, { python3: "exit 1", ...refusing })).toEqual({ status: 100, ran: [""] });
  });
});

describe("the workflows", () => {
  it.each(["ci.yml", "release.yml"])(
    "%s runs nothing as root and no action that can be exchanged",
    (name) => {
      const { jobs, permissions } = workflow(name);
      expect(permissions).toEqual({ contents: "read" });
      for (const { run, uses } of Object.values(jobs).flatMap(({ steps }) => steps)) {
        expect(run ?? "").not.toContain("sudo");
        if (uses) expect(uses).toMatch(/@[0-9a-f]{40}$/);
      }
    },
  );

  it("give the identity that signs to a job that runs nothing of the repository", () => {
    const { jobs } = workflow("release.yml");
    const signing = Object.entries(jobs).filter(([, { permissions }]) => permissions?.["id-token"]);
    expect(signing).toMatchObject([["publish", { needs: "package", permissions: { "id-token": "write" } }]]);
    const { permissions, steps } = signing[0]![1];
    expect(Object.keys(permissions!)).toEqual(["id-token"]);
    expect(steps.flatMap(({ run }) => run ?? [])).toEqual([
      "npm publish ./dualtail-*.tgz --provenance --access public",
    ]);
    expect(steps.some(({ uses }) => uses?.startsWith("actions/checkout"))).toBe(false);
  });
});

describe("the address of a release", () => {
  const env = {
    GITHUB_SERVER_URL: "https://example.test",
    GITHUB_REPOSITORY: "someone/dualtail",
    GITHUB_REF_NAME: "v1.2.3",
  };

  it("is that of the workflow's run", () => {
    expect(originOf(addressFrom(env))).toEqual({
      repository: { type: "git", url: "git+https://example.test/someone/dualtail.git" },
      homepage: "https://example.test/someone/dualtail#readme",
      bugs: { url: "https://example.test/someone/dualtail/issues" },
    });
    expect(() => addressFrom({ ...env, GITHUB_REPOSITORY: "" })).toThrow(/^GITHUB_REPOSITORY is not set/);
  });

  it("stands in every relative link of the README, and only there", () => {
    const own = "https://example.test/someone/dualtail";
    expect(
      absoluteLinks("![a](docs/a.png) [b](docs/b.md#c) [d](#d) [e](https://e.test/x)", addressFrom(env)),
    ).toBe(
      `![a](${own}/raw/v1.2.3/docs/a.png) [b](${own}/blob/v1.2.3/docs/b.md#c) [d](#d) [e](https://e.test/x)`,
    );
    const readme = absoluteLinks(readFileSync(join(root, "README.md"), "utf8"), addressFrom(env));
    const targets = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.filter((target) => !target.startsWith(`${own}/`))).toEqual([]);
  });
});
