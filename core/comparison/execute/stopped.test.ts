import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTinyClip } from "../../../test/support/tiny-clip.ts";
import { createContainer, type PluginRegistry, resolve } from "../../container/index.ts";
import { silentReporter } from "../../container/reporter.ts";
import { JOURNAL, readJournal } from "../../tracking/disk/journal.ts";
import { openDiskTracker } from "../../tracking/index.ts";
import { parseConfigDocument, validateConfig } from "../config/index.ts";
import { executeComparison } from "../execute.ts";
import { planComparison } from "../plan/index.ts";

const toy = fileURLToPath(new URL("../../../test/support/toy-dataset.ts", import.meta.url));
const EPOCHS = 2;
/** 48 images in batches of 8. */
const PER_EPOCH = 6;

let root: string;
let registry: PluginRegistry;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "dualtail-stopped-"));
  registry = resolve(await createContainer({ plugins: [toy], baseDir: "/" }), "registry");
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** Where a comparison of one trained cell is at when it is stopped. */
type At = { readonly step: number } | { readonly stage: RegExp };

/** A folder in which a comparison is run, stopped and gone on with. */
async function place() {
  const dir = await mkdtemp(join(root, "place-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  const text = JSON.stringify({
    experiment: "stopped",
    dataset: "toy",
    backbones: [{ use: "clip", folder: "./one" }],
    peft: { use: "adaptformer", bottleneck: 2 },
    losses: ["ce"],
    train: { epochs: EPOCHS, batchSize: 8 },
    // Several to every pass.
    evaluation: { batchSize: 8 },
    threads: 1,
  });
  const config = validateConfig(parseConfigDocument(text, "c.json", dir), registry);
  const outputDir = join(dir, "runs");
  const folder = async () => join(outputDir, (await readdir(outputDir))[0]!);
  /** Batches after the stop. */
  let late = 0;
  const execute = async (at?: At, resume?: string) => {
    const stop = new AbortController();
    return executeComparison({
      config,
      plan: planComparison(config, registry),
      registry,
      baseDir: dir,
      openTracker: (experiment) => openDiskTracker({ root: join(dir, "journal"), experiment }),
      trackingDescription: "disk",
      reporter: {
        ...silentReporter,
        stage: (label, total, unit) => {
          let done = 0;
          const isAt = () =>
            at && ("stage" in at ? at.stage.test(label) : /seed 0$/.test(label) && done === 8 * at.step);
          return {
            ...silentReporter.stage(label, total, unit),
            advance: (n) => {
              if (stop.signal.aborted) late += 1;
              done += n;
              if (isAt()) stop.abort();
            },
          };
        },
      },
      signal: stop.signal,
      outputDir,
      cacheDir: dir,
      configSource: text,
      ...(resume === undefined ? {} : { resume }),
    });
  };
  return {
    execute,
    folder,
    late: () => late,
    /** The trained cell's adapters, and the steps at which its run has validation accuracies. */
    async outcome() {
      const cells = join(await folder(), "cells");
      const cell = (await readdir(cells)).find((name) => name.startsWith("ce"))!;
      const [step] = await readdir(join(cells, cell, "checkpoints"));
      const adapters = await readFile(join(cells, cell, "checkpoints", step!, "adapters.safetensors"));
      const validated: number[] = [];
      for (const id of await readdir(join(dir, "journal"))) {
        for await (const { event } of readJournal(join(dir, "journal", id, JOURNAL)))
          if (event.type === "metrics")
            validated.push(
              ...event.points.filter(({ key }) => key === "validation/overall").map((p) => p.step),
            );
      }
      return { adapters: adapters.toString("hex"), validated };
    },
  };
}

let whole: Awaited<ReturnType<Awaited<ReturnType<typeof place>>["outcome"]>>;
beforeAll(async () => {
  const { execute, outcome } = await place();
  expect((await execute()).failed).toEqual([]);
  whole = await outcome();
  expect(whole.validated).toEqual([PER_EPOCH - 1, 2 * PER_EPOCH - 1]);
});

it.each<readonly [string, At, RegExp]>([
  ["the validation after an epoch", { step: PER_EPOCH }, /stopped at step 6 of 12/],
  ["the validation after the last epoch", { step: EPOCHS * PER_EPOCH }, /stopped by the user/],
  ["the zero-shot rows", { stage: /zero-shot test/ }, /stopped by the user/],
  ["the test", { stage: /seed 0: test/ }, /stopped by the user/],
])("stops within %s, and goes on to the same end", async (_, at, message) => {
  const stopped = await place();
  await expect(stopped.execute(at)).rejects.toThrow(message);
  expect(stopped.late()).toBe(0);
  expect((await stopped.execute(undefined, await stopped.folder())).failed).toEqual([]);
  expect(await stopped.outcome()).toEqual(whole);
});
