import { rmSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { MlflowClient } from "../core/mlflow-js-client/index.ts";
import { uniformFrom } from "../core/training/random.ts";
import { toyPlugin } from "./support/cli.ts";
import { type ComparisonFacts, comparisonFacts, countPoints } from "./support/comparison-facts.ts";
import {
  type Command,
  journaled,
  killedComparison,
  PHASES,
  type Phase,
  runFolder,
  wholeComparison,
} from "./support/killed-comparison.ts";
import { mlflowClient, mlflowUri, SERVER_START, uniqueName } from "./support/mlflow-server.ts";
import { makeTinyClip } from "./support/tiny-clip.ts";
import { writeBetween } from "./support/write-between.ts";

/** `DUALTAIL_KILLS=100 DUALTAIL_SEED=1 npx vitest run test/comparison-kills.test.ts` for more. */
const KILLS = Number(process.env.DUALTAIL_KILLS ?? 2);
const SEED = Number(process.env.DUALTAIL_SEED ?? 1);
/** So that every comparison is killed several times, and none for ever. */
const KILLS_PER_COMPARISON = 5;
/** A kill and the start after it, on a machine that does much else. */
const PER_KILL = 60_000;

let dir: string;
let client: MlflowClient;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "dualtail-kills-"));
  await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
  await makeTinyClip(join(dir, "two"), { channels: 1, seed: 2 });
  client = await mlflowClient();
  env = { MLFLOW_TRACKING_URI: await mlflowUri(), DUALTAIL_CACHE: join(dir, "cache") };
}, SERVER_START);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The comparison as a command, in a working directory and an experiment of its own. */
async function comparison(): Promise<Command & { experiment: string }> {
  const experiment = uniqueName("kills");
  const cwd = join(dir, experiment);
  await mkdir(cwd);
  const config = join(dir, `${experiment}.yaml`);
  writeFileSync(
    config,
    `experiment: ${experiment}
name: kills
plugins: ["${toyPlugin}"]
dataset: { use: toy }
backbones: [{ use: clip, folder: ./one }, { use: openclip, folder: ./two }]
peft: { use: adaptformer, bottleneck: 2 }
losses: [{ use: backdoor, mode: joint, label: joint }, { use: backdoor, label: post-hoc }]
train: { epochs: 3, batchSize: 4, optimizer: { use: adamw, lr: 0.01 } }
models: { log: none }
output: runs
`,
  );
  return { experiment, config, cwd, env };
}

interface Tally {
  readonly phases: Map<Phase, number>;
  comparisons: number;
  kills: number;
  points: number;
  lost: number;
  doubled: number;
  /** Comparisons whose final tensors and table are the reference's. */
  equal: number;
}

it(
  `a comparison killed ${KILLS} times at seeded moments (seed ${SEED}) ends as one that was not`,
  async () => {
    const whole = await comparison();
    const { code, stderr, opening } = await wholeComparison(whole);
    expect(code, stderr).toBe(0);
    const reference = await comparisonFacts(client, whole.experiment, runFolder(whole.cwd)!);
    const size = journaled(whole.cwd);
    const uniform = uniformFrom(SEED, "kills");
    const tally: Tally = {
      phases: new Map(),
      comparisons: 0,
      kills: 0,
      points: 0,
      lost: 0,
      doubled: 0,
      equal: 0,
    };

    while (tally.kills < KILLS) {
      const command = await comparison();
      tally.comparisons += 1;
      const most = tally.kills + KILLS_PER_COMPARISON;
      for (let ended = false; !ended; ) {
        // Past the last one it runs to its end.
        const last = tally.kills >= Math.min(most, KILLS);
        // One in five by the clock alone; the others wherever the work is, up to its very end.
        const byClock = uniform() < 0.2;
        const [share, more] = [uniform(), uniform()];
        const done = journaled(command.cwd);
        const outcome = await killedComparison(
          command,
          last
            ? { bytes: Number.POSITIVE_INFINITY, ms: 0 }
            : byClock
              ? { bytes: 0, ms: 1.5 * share * opening }
              : { bytes: Math.max(1, done + share * (1.1 * size - done)), ms: 100 * more },
        );
        if (typeof outcome === "string") {
          tally.kills += 1;
          tally.phases.set(outcome, (tally.phases.get(outcome) ?? 0) + 1);
          ended = outcome === "after its end";
        } else {
          expect(outcome.code, outcome.stderr).toBe(0);
          ended = true;
        }
      }
      const facts = await comparisonFacts(client, command.experiment, runFolder(command.cwd)!);
      const { expected, lost, doubled } = countPoints(facts, reference);
      tally.points += expected;
      tally.lost += lost;
      tally.doubled += doubled;
      tally.equal += Number(JSON.stringify(core(facts)) === JSON.stringify(core(reference)));
      console.log(`${command.experiment}: ${tally.kills} kills so far, ${lost} lost, ${doubled} doubled`);
      expect(facts).toEqual(reference);
    }
    const table = matrix(tally);
    console.log(table);
    if (process.env.DUALTAIL_WRITE_TABLE) writeBetween("docs/reliability.md", "kills", table);
    expect([tally.lost, tally.doubled, tally.equal]).toEqual([0, 0, tally.comparisons]);
  },
  SERVER_START + (KILLS + 3) * PER_KILL,
);

const core = ({ tensors, table }: ComparisonFacts) => ({ tensors, table });

function matrix({ phases, comparisons, kills, points, lost, doubled, equal }: Tally): string {
  const rows = PHASES.map(
    (phase) => `| ${phase.padEnd(22)} | ${String(phases.get(phase) ?? 0).padStart(5)} |`,
  );
  return [
    `| killed                 | kills |`,
    `| ---------------------- | ----: |`,
    ...rows,
    "",
    `${kills} kills (seed ${SEED}) of ${comparisons} comparisons: of ${points} points ${lost} lost, ${doubled} doubled;`,
    `${equal} of ${comparisons} comparisons ended with the adapters and the table of one that was not killed.`,
  ].join("\n");
}
