import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createImageWorkers } from "../../core/models/images/index.ts";
import { BATCH, ourEpoch } from "../jpeg/bench.ts";
import { writeJpegs } from "../jpeg/images.ts";
import { median } from "../median.ts";
import { createStages, prepare, type Stage } from "./stages.ts";

/**
 * `npm run bench -- --images`: where the time of one image of the JPEG benchmark goes, one stage after the other, and what
 * a stage takes that is done another way. CPU time of all threads, which other load on the machine changes less than
 * the time on the clock.
 */
export async function benchStages(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      images: { type: "boolean" },
      count: { type: "string", default: "128" },
      repeats: { type: "string", default: "15" },
    },
  });
  // Whole batches.
  const count = Math.max(1, Math.round(Number(values.count) / BATCH)) * BATCH;
  const repeats = Number(values.repeats);
  const folder = await mkdtemp(join(tmpdir(), "dualtail-stages-"));
  const workers = createImageWorkers(1);
  try {
    const paths = await writeJpegs(folder, count);
    const images = await Promise.all(paths.map(prepare));
    const stages = createStages(workers);
    const taken = new Map<Stage, number[]>(stages.map((stage) => [stage, []]));
    const whole: number[] = [];
    // Two rounds before the counted ones: the engine compiles as it goes.
    for (let round = -2; round < repeats; round++) {
      for (const stage of stages) {
        const before = process.cpuUsage();
        if (stage.atOnce) await Promise.all(images.map((image) => stage.run(image)));
        else for (const image of images) await stage.run(image);
        const { user, system } = process.cpuUsage(before);
        if (round >= 0) taken.get(stage)!.push((user + system) / 1000 / count);
      }
      const before = process.cpuUsage();
      await ourEpoch(paths, workers, round);
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) whole.push((user + system) / 1000 / count);
    }
    const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} threads, Node ${process.version.slice(1)}`;
    console.log(
      `${machine}, medians of ${repeats} rounds over ${count} images, ${new Date().toISOString().slice(0, 10)}\n`,
    );
    console.log(table(taken));
    console.log(
      `\nAll of it as training does it, by a worker: ${median(whole).toFixed(2)} ms of CPU per image.`,
    );
  } finally {
    await workers.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of CPU of a stage and its share of all; of another way, how much faster or slower it is. */
function table(taken: ReadonlyMap<Stage, readonly number[]>): string {
  const byName = new Map([...taken].map(([stage, times]) => [stage.name, times]));
  const parts = [...taken].filter(([{ insteadOf }]) => insteadOf === undefined);
  const total = parts.reduce((sum, [, times]) => sum + median(times), 0);
  const rows = [...taken].map(([{ name, insteadOf }, times]) => {
    const milliseconds = median(times).toFixed(3);
    if (insteadOf === undefined)
      return [name, milliseconds, `${Math.round((100 * median(times)) / total)} %`];
    if (insteadOf === name) return [name, milliseconds, ""];
    // Within a round, which a drift of the machine does not change.
    const ratio = median(times.map((time, round) => time / byName.get(insteadOf)![round]!));
    return [name, milliseconds, `${ratio.toFixed(2)}× the time`];
  });
  const lines = [["stage", "ms of CPU per image", "share"], ["---", "---:", "---:"], ...rows];
  return [...lines, ["sum of the stages", total.toFixed(3), ""]]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
