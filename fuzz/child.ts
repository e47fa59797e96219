/** Runs cases one after another and says so to the parent: a crash or a hang is then the fault of the case last begun. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DualtailError } from "../core/errors.ts";
import type { Begun, Ended, Job, Outcome } from "./messages.ts";
import { randomFrom } from "./random.ts";
import { type Case, WrongResult } from "./target.ts";
import { targets } from "./targets/index.ts";

const MEBIBYTE = 2 ** 20;

async function outcomeOf({ subject, read }: Case): Promise<{ outcome: Outcome; detail?: string }> {
  try {
    await read();
    return { outcome: "accepted" };
  } catch (error) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (error instanceof WrongResult) return { outcome: "wrong result", detail };
    if (!(error instanceof DualtailError)) return { outcome: "untyped error", detail };
    if (!error.message.includes(subject)) return { outcome: "unnamed file", detail };
    return { outcome: "refused", detail: error.message };
  }
}

async function run({ seed, target: name, cases, limits }: Job): Promise<void> {
  const send = (message: Begun | Ended) => process.send!(message);
  const target = targets.find((known) => known.name === name)!;
  const folder = await mkdtemp(join(tmpdir(), "dualtail-fuzz-"));
  try {
    const makeCase = await target.prepare(folder);
    for (const index of cases) {
      send({ begun: index });
      const made = await makeCase(randomFrom(seed, name, index));
      const peak = process.resourceUsage().maxRSS;
      const { user, system } = process.cpuUsage();
      let { outcome, detail } = await outcomeOf(made);
      const used = process.cpuUsage({ user, system });
      const seconds = (used.user + used.system) / 1e6;
      const mebibytes = ((process.resourceUsage().maxRSS - peak) * 1024) / MEBIBYTE;
      const ordinary = outcome === "accepted" || outcome === "refused";
      if (ordinary && seconds > limits.seconds) [outcome, detail] = ["slow", `${seconds.toFixed(1)} s`];
      else if (ordinary && mebibytes > limits.mebibytes)
        [outcome, detail] = ["memory", `${Math.round(mebibytes)} MiB more`];
      send({ ended: index, outcome, detail, seconds, mebibytes });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.once("message", (job: Job) => {
  run(job).then(
    () => process.disconnect(),
    (error: unknown) => {
      console.error(error);
      process.exit(70);
    },
  );
});
