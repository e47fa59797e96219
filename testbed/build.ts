import { existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Dataset } from "../core/plugin-api/index.ts";
import { plugin as iconsLt } from "../plugins/datasets/icons-lt/index.ts";
import { consoleContext } from "./console-context.ts";
import { buildCorpus } from "./corpus/corpus.ts";
import { type CorpusName, recipes } from "./corpus/recipes.ts";
import { correlationAgainstFlat, zeroShotReport } from "./pretrain/evaluate.ts";
import { type PretrainOptions, pretrain } from "./pretrain/pretrain.ts";

// Rebuilds the three pre-trained folders: npm run testbed [-- --only clip,openclip] [-- --report]
const { values: args } = parseArgs({
  options: {
    only: { type: "string" },
    report: { type: "boolean", default: false },
    out: { type: "string" },
    epochs: { type: "string", default: "20" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
});
const root = fileURLToPath(new URL("../", import.meta.url));
const out = resolve(args.out ?? join(root, "testbed"));
const names = (args.only?.split(",") ?? Object.keys(recipes)) as CorpusName[];
const threads = Number(args.threads);

const context = consoleContext(root);

const options: PretrainOptions = {
  epochs: Number(args.epochs),
  batchSize: 256,
  lr: 1e-3,
  warmup: 100,
  weightDecay: 0.1,
  seed: 0,
  threads,
  log: (line) => console.log(line),
};

const number = (value: number | undefined) => value?.toFixed(2) ?? "undefined";
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

async function report(dataset: Dataset): Promise<void> {
  const all = Object.keys(recipes) as CorpusName[];
  const flatName = all.find((name) => recipes[name].kind === "capped")!;
  const flat = existsSync(join(out, flatName, "pretraining.json"))
    ? await zeroShotReport(join(out, flatName), dataset, threads)
    : undefined;
  for (const name of names) {
    const measured = name === flatName ? flat! : await zeroShotReport(join(out, name), dataset, threads);
    const { perClass: _perClass, recorded: _recorded, ...result } = measured;
    const againstFlat = flat && name !== flatName ? correlationAgainstFlat(measured, flat) : undefined;
    console.log(
      `${name}: zero-shot ${percent(result.accuracy)} (chance ${percent(result.chance)}), thirds by recorded count ${result.thirds.map(percent).join(" / ")}, rank correlation with the recorded count ${number(result.rankCorrelation)}${
        againstFlat === undefined ? "" : `, of the difference to ${flatName} ${number(againstFlat)}`
      }`,
    );
    const kept = {
      ...result,
      ...(againstFlat === undefined ? {} : { rankCorrelationAgainstFlat: againstFlat }),
    };
    await writeFile(join(out, name, "zero-shot.json"), `${JSON.stringify(kept, null, 2)}\n`);
  }
}

if (!args.report) {
  for (const name of names) {
    const corpus = await buildCorpus(name, context);
    // Built beside and moved: an interrupted build leaves the folder there was.
    const building = join(out, `.${name}.building`);
    await rm(building, { recursive: true, force: true });
    await pretrain(corpus, building, options);
    await rm(join(out, name), { recursive: true, force: true });
    await rename(building, join(out, name));
  }
}
await report(await iconsLt.load(context, {} as never));
