import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finish, startScript } from "../../test/support/cli.ts";
import { type TempFolder, tempFolder } from "../../test/support/plugin-folder.ts";

/** Works until it is told to stop, then winds down for a while, like a comparison saving a checkpoint. */
const script = (windDown: number) => `
import { listenForInterrupts } from ${JSON.stringify(new URL("./interrupts.ts", import.meta.url).href)};
const { signal } = listenForInterrupts((text) => console.error(text));
const working = setInterval(() => {}, 1000);
signal.addEventListener("abort", () => {
  console.log("aborted:", signal.reason.message);
  setTimeout(() => { console.log("wound down"); clearInterval(working); process.exitCode = 7; }, ${windDown}).unref();
  setTimeout(() => {}, ${windDown + 100});
});
console.log("ready");
`;

describe("listenForInterrupts", () => {
  let folder: TempFolder;
  beforeAll(async () => {
    folder = await tempFolder();
  });
  afterAll(() => folder.remove());

  const start = async (windDown: number) => {
    const file = await folder.write(`work-${windDown}.mts`, script(windDown));
    const child = startScript(file, [], folder.path);
    const finished = finish(child);
    await once(child.stdout, "data");
    return { child, finished };
  };

  it("lets work wind down after the first signal", async () => {
    const { child, finished } = await start(300);
    child.kill("SIGINT");
    const { stdout, errors, code } = await finished;
    expect(stdout).toBe("ready\naborted: interrupted\nwound down\n");
    expect(errors).toEqual([expect.stringContaining("SIGINT: stopping; once more")]);
    expect(code).toBe(7);
  });

  it("ends at once after the second", async () => {
    const { child, finished } = await start(30_000);
    child.kill("SIGTERM");
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const { stdout, code } = await finished;
    expect(stdout).not.toContain("wound down");
    expect(code).toBe(130);
  });
});
