import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  createImageStore,
  createImageWorkers,
  type ImageWorkers,
  trainTransform,
} from "../../core/models/images/index.ts";
import { permutation, uniformFrom } from "../../core/training/random.ts";
import { cpuTime } from "./cpu-time.ts";
import { writeJpegs } from "./images.ts";

export interface JpegBenchOptions {
  /** On either side: threads here, processes there. */
  readonly workers: number;
  /** JPEGs per repetition; whole batches count. */
  readonly images: number;
  /** Repetitions of each side, in turn; one more before them is not counted. */
  readonly repeats: number;
  /** The Python that has torch and torchvision. */
  readonly python: string;
}

/** One figure per repetition. */
export interface JpegBenchResult {
  /** Images per second. */
  readonly ours: readonly number[];
  readonly torch: readonly number[];
  /** Milliseconds of CPU per image, over all threads and processes; NaN where that is not to be had. */
  readonly cpu: { readonly ours: readonly number[]; readonly torch: readonly number[] };
}

export const BATCH = 128;
const wholeBatches = (images: number): number => images - (images % BATCH);
export const PREPROCESSOR = {
  channels: 3,
  imageSize: 224,
  resize: { shortestEdge: 224 },
  crop: { height: 224, width: 224 },
  filter: "bicubic",
  rescale: 1 / 255,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;

/**
 * The train transform on JPEG files, RandomResizedCrop 224 (bilinear, antialiased), flip, normalised float32 planes in
 * batches of 128, against torchvision with as many workers. Every repetition of ours is a first epoch: nothing is known
 * of the images and nothing kept.
 */
export async function benchJpeg({
  workers,
  images,
  repeats,
  python,
}: JpegBenchOptions): Promise<JpegBenchResult> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-jpeg-"));
  const pool = createImageWorkers(workers);
  let child: ChildProcessWithoutNullStreams | undefined;
  try {
    const paths = await writeJpegs(folder, images);
    const script = fileURLToPath(new URL("./torch_pipeline.py", import.meta.url));
    child = spawn(python, [script, folder, String(workers), String(BATCH)], {
      env: { ...process.env, OMP_NUM_THREADS: "1" },
    });
    child.stderr.pipe(process.stderr);
    const ended = new Promise<never>((_, reject) => {
      child!.on("error", reject);
      child!.on("close", (code) => reject(new Error(`${python} ${script} ended with code ${code}`)));
    });
    ended.catch(() => {});
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const torchEpoch = async (): Promise<number> => {
      child!.stdin.write("epoch\n");
      const line = await Promise.race([lines.next(), ended]);
      return Number(line.value);
    };
    const result = {
      ours: [] as number[],
      torch: [] as number[],
      cpu: { ours: [] as number[], torch: [] as number[] },
    };
    const { pid } = child;
    for (let repetition = 0; repetition <= repeats; repetition++) {
      const before = process.cpuUsage();
      const ours = await ourEpoch(paths, pool, repetition);
      const { user, system } = process.cpuUsage(before);
      const torchBefore = cpuTime(pid!);
      const torch = await torchEpoch();
      const torchAfter = cpuTime(pid!);
      if (repetition === 0) continue;
      result.ours.push(ours);
      result.torch.push(torch);
      result.cpu.ours.push((user + system) / 1000 / wholeBatches(images));
      result.cpu.torch.push((torchAfter - torchBefore) / images);
    }
    return result;
  } finally {
    child?.stdin.end();
    await pool.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Two batches are under way at any time, as a training has it; DataLoader works ahead by two per worker. */
export async function ourEpoch(
  paths: readonly string[],
  workers: ImageWorkers,
  epoch: number,
): Promise<number> {
  const sources = paths.map((path) => ({ kind: "file", path }) as const);
  const store = createImageStore(sources, 3, { workers, maxBytes: 0 });
  const transform = trainTransform(PREPROCESSOR);
  const { channels, imageSize } = PREPROCESSOR;
  const outs = [0, 1].map(() => new Float32Array(BATCH * channels * imageSize ** 2));
  const started = performance.now();
  const order = permutation(paths.length, uniformFrom("order", epoch));
  const batches = Math.floor(paths.length / BATCH);
  const fill = (i: number) =>
    store.fillBatch(
      order.subarray(i * BATCH, (i + 1) * BATCH),
      transform,
      outs[i % 2]!,
      uniformFrom(epoch, i),
    );
  let next = fill(0);
  for (let i = 0; i < batches; i++) {
    await next;
    if (i + 1 < batches) next = fill(i + 1);
  }
  return (batches * BATCH * 1000) / (performance.now() - started);
}
