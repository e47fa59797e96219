import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Piscina } from "piscina";
import { DualtailError, FileError } from "../../errors.ts";
import type { DecodedImage } from "./decoded-image.ts";
import type { Size } from "./transform.ts";
import type { RenderTask, TaskResult, WorkerSource, WorkerTasks } from "./worker-tasks.ts";

/** Threads that decode, resample and normalise images. They start with the first image and end with the process. */
export interface ImageWorkers {
  readonly count: number;
  /** The size of an image once it is upright. @throws FileError naming the image when it has none */
  size(source: Exclude<WorkerSource, { kind: "decoded" }>): Promise<Size>;
  /** @returns the decoded image when `task.keep` @throws FileError naming an image that does not decode */
  render(task: RenderTask): Promise<DecodedImage | undefined>;
  /** Ends the threads; what they are at fails. */
  close(): Promise<void>;
}

/**
 * Half the cores, 8 at most: on a CPU the runtime computes on every core and a step takes far longer than its images,
 * so that workers mostly wait; on a GPU half the cores are otherwise idle.
 */
export const defaultWorkers = (): number => Math.min(8, Math.max(1, availableParallelism() >> 1));

const isSource = import.meta.url.endsWith(".ts");

/** @throws DualtailError when `count` is no number of workers */
export function createImageWorkers(count: number = defaultWorkers()): ImageWorkers {
  if (!Number.isInteger(count) || count < 1) {
    throw new DualtailError(`${count} is no number of image workers`, {
      hint: "give a whole number from 1 on",
    });
  }
  let started: Piscina | undefined;
  const start = () =>
    (started ??= new Piscina({
      filename: fileURLToPath(new URL(`./image-worker.${isSource ? "ts" : "js"}`, import.meta.url)),
      minThreads: count,
      maxThreads: count,
      // While libvips decodes one image on its own thread, the worker resamples the one before.
      concurrentTasksPerWorker: 2,
      // Waiting for tasks by Atomics.wait would hold up the decoding that is under way.
      atomics: "disabled",
      // From the sources (tests, scripts) the threads need the loader that the main thread has; a build needs none.
      ...(isSource ? { execArgv: ["--import", sourceLoader()] } : {}),
    }));
  const run = async <T>(name: keyof WorkerTasks, task: object): Promise<T> => {
    let result: TaskResult<T>;
    try {
      result = await start().run(task, { name });
    } catch (cause) {
      throw new DualtailError(
        `an image worker failed (${cause instanceof Error ? cause.message : String(cause)}) at ${nameOf(task)}`,
        { hint: "out of memory? lower the number of image workers, or replace the image", cause },
      );
    }
    if ("value" in result) return result.value;
    const { file, message, hint, cause } = result.failure;
    throw new FileError(file, message.slice(`${file}: `.length), {
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  };
  return {
    count,
    size: (source) => run("size", source),
    render: (task) => run("render", task),
    async close() {
      await started?.destroy();
      started = undefined;
    },
  };
}

const nameOf = (task: object): string => {
  const source = ("source" in task ? task.source : task) as WorkerSource;
  return source.kind === "file" ? source.path : source.name;
};

/**
 * tsx, registered by hand: its `--import tsx` does nothing in threads. `require` finds its CommonJS half, which cannot
 * register; the other lies beside it.
 */
function sourceLoader(): string {
  const api = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const register = `import { register } from "${pathToFileURL(api).href}"; register();`;
  return `data:text/javascript,${encodeURIComponent(register)}`;
}

const common = new Map<number, ImageWorkers>();

/**
 * The workers that stores share; those of the default number unless stores are given others.
 * @throws DualtailError when `count` is no number of workers
 */
export function sharedWorkers(count: number = defaultWorkers()): ImageWorkers {
  const workers = common.get(count) ?? createImageWorkers(count);
  common.set(count, workers);
  return workers;
}
