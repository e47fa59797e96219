import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { parseConfigDocument, readConfigDocument } from "../comparison/config/index.ts";
import { createContainer, resolve } from "../container/index.ts";
import { tryProcessLock } from "../tracking/process-lock.ts";
import { checkMemory } from "./check-memory.ts";
import { type ServeOptions, serve, validateServeConfig } from "./index.ts";
import { resolveRequest } from "./resolve-request.ts";

const testbed = (name: string) => fileURLToPath(new URL(`../../testbed/${name}`, import.meta.url));

describe("a second server in the same folder", () => {
  it("is refused before it does anything", async () => {
    const folder = await temporaryFolder();
    const lock = await tryProcessLock(join(folder, "serve.lock"));
    // Of nothing else is anything asked.
    await expect(serve({ folder } as ServeOptions)).rejects.toThrow(
      `process ${process.pid} serves from ${folder} already`,
    );
    if ("release" in lock) await lock.release();
  });
});

describe("examples/serve.yaml", () => {
  it("is valid, and so is each of its presets", async () => {
    const registry = resolve(await createContainer(), "registry");
    const file = fileURLToPath(new URL("../../examples/serve.yaml", import.meta.url));
    const document = await readConfigDocument(file);
    const server = validateServeConfig(document, registry);
    const { baseDir } = document;
    const trainings = Object.entries(server.presets).map(([name, config]) => {
      const resolving = { server, registry, baseDir, experiment: "e" };
      return [name, resolveRequest({ version: 1, config }, resolving).trainings];
    });
    // quick: two losses; backdoor: la of three models, and two further seeds of each for the control.
    expect(Object.fromEntries(trainings)).toEqual({ quick: 2, backdoor: 9 });
  });
});

describe("a comparison that takes more memory than there is", () => {
  it("is refused before it is run", async () => {
    const folder = await temporaryFolder();
    for (const place of ["train/cat", "train/dog", "test/cat", "test/dog"]) {
      await mkdir(join(folder, place), { recursive: true });
      await writeFile(join(folder, place, "1.png"), "");
    }
    const registry = resolve(await createContainer(), "registry");
    const text = `
experiments: [e]
datasets: { pictures: { use: image-folder, root: ${JSON.stringify(folder)} } }
backbones: { clip: { use: clip, folder: ${JSON.stringify(testbed("clip"))} } }
`;
    const server = validateServeConfig(parseConfigDocument(text, "serve.yaml"), registry);
    const config = { dataset: "pictures", backbones: ["clip"], peft: "lora", losses: ["ce"] };
    const prepared = resolveRequest(
      { version: 1, config },
      { server, registry, baseDir: folder, experiment: "e" },
    );
    await checkMemory(prepared, folder, 2 ** 40);
    await expect(checkMemory(prepared, folder, 2 ** 27)).rejects.toThrow(
      /would take 0\.\d GiB of memory, and this machine has 0\.1 GiB/,
    );
  });
});
