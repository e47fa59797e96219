import type { DecodedImage } from "./decoded-image.ts";
import type { Finish, Placement, Size } from "./transform.ts";

/** An image on its way to a worker. */
export type WorkerSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "bytes"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "decoded"; readonly name: string; readonly image: DecodedImage };

/** Decode, resample and normalise one image. */
export interface RenderTask {
  readonly source: WorkerSource;
  readonly placements: readonly Placement[];
  readonly finish: Finish;
  /** [placements × channels × size × size] in memory that both threads see. */
  readonly out: Float32Array;
  /** Whether the whole decoded image is wanted back, to be kept. */
  readonly keep: boolean;
}

/** A FileError as plain data: classes do not survive the way between threads. */
export interface TaskFailure {
  readonly file: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly cause: string | undefined;
}

export type TaskResult<T> = { readonly value: T } | { readonly failure: TaskFailure };

/** What the worker's module exports, by name. */
export interface WorkerTasks {
  size(source: Exclude<WorkerSource, { kind: "decoded" }>): Promise<TaskResult<Size>>;
  /** The decoded image in shared memory when it was asked for. */
  render(task: RenderTask): Promise<TaskResult<DecodedImage | undefined>>;
}
