import { DualtailError } from "../../errors.ts";
import { decodeImage } from "./decode.ts";
import type { DecodedImage } from "./decoded-image.ts";
import type { StoreMemory } from "./image-store.ts";
import { readBytes } from "./read-bytes.ts";
import type { Size, TransformPlan, Uniform } from "./transform.ts";
import type { WorkerSource } from "./worker-tasks.ts";
import type { ImageWorkers } from "./workers.ts";

/**
 * Fills a batch by workers. Where to look is decided here, in the order of the indices, as soon as the size of an image
 * is known; the pixels are made in any order. Results come through a few shared buffers: onnxruntime-node refuses
 * tensors in shared memory, so that one copy per image remains.
 * @throws FileError naming the first image, in that order, that does not decode
 */
export async function fillWithWorkers(
  memory: StoreMemory,
  workers: ImageWorkers,
  indices: ArrayLike<number>,
  plan: TransformPlan,
  out: Float32Array,
  uniform: Uniform,
): Promise<void> {
  const length = out.length / indices.length;
  const slots = createSlots(length, workers.count * SLOTS_PER_WORKER);
  const opened = Array.from(indices, (index) => open(memory, workers, index));
  // Failures are looked at in order below; until then they must not count as unhandled.
  for (const { size } of opened) size.catch(() => {});
  const rendered: Promise<void>[] = [];
  const render = async (i: number, size: Size, placements: ReturnType<TransformPlan["place"]>) => {
    const index = indices[i]!;
    const bytes = size.width * size.height * memory.channels;
    const source = memory.kept.has(index) ? keptSource(memory, index) : await opened[i]!.source();
    const slot = await slots.take();
    const keep = source.kind !== "decoded" && !memory.kept.has(index) && memory.reserve(bytes);
    try {
      const image = await workers.render({ source, placements, finish: plan.finish, out: slot, keep });
      out.set(slot, i * length);
      if (keep) keepOnce(memory, index, image, bytes);
    } catch (error) {
      if (keep) memory.release(bytes);
      throw error;
    } finally {
      slots.give(slot);
    }
  };
  let failure: { readonly error: unknown } | undefined;
  for (const [i, { size }] of opened.entries()) {
    try {
      const known = await size;
      memory.sizes.set(indices[i]!, known);
      rendered.push(render(i, known, plan.place(known, uniform)));
    } catch (error) {
      failure = { error };
      break;
    }
  }
  // Wait for all of them before failing, so that nothing writes into `out` behind the caller's back.
  const settled = await Promise.allSettled(rendered);
  const failed = settled.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  if (failure) throw failure.error;
}

/** Two images per worker are under way, one result waits to be copied. */
const SLOTS_PER_WORKER = 3;

interface Opened {
  readonly size: Promise<Size>;
  source(): Promise<WorkerSource>;
}

function open(memory: StoreMemory, workers: ImageWorkers, index: number): Opened {
  const kept = memory.kept.get(index);
  if (kept) return { size: Promise.resolve(kept), source: async () => keptSource(memory, index) };
  const source = memory.sources[index];
  if (source === undefined) {
    const error = new DualtailError(`there is no image ${index}, only ${memory.sources.length}`);
    return { size: Promise.reject(error), source: () => Promise.reject(error) };
  }
  if (source.kind === "pixels") {
    const image = decodeImage(source, memory.channels);
    return { size: image, source: async () => decodedSource(source.name, await image) };
  }
  const known = memory.sizes.get(index);
  if (source.kind === "file") {
    const size = known ? Promise.resolve(known) : workers.size(source);
    return { size, source: async () => source };
  }
  // Only this thread can read it; a worker gets a copy of the bytes.
  const bytes = readBytes(source).then(
    ({ name, bytes }) => ({ kind: "bytes", name, bytes: compact(bytes) }) as const,
  );
  bytes.catch(() => {});
  return { size: known ? Promise.resolve(known) : bytes.then(workers.size), source: () => bytes };
}

function keptSource(memory: StoreMemory, index: number): WorkerSource {
  const source = memory.sources[index]!;
  return decodedSource(source.kind === "file" ? source.path : source.name, memory.kept.get(index)!);
}

const decodedSource = (name: string, image: DecodedImage): WorkerSource => ({
  kind: "decoded",
  name,
  image: { ...image, data: compact(image.data) },
});

/** A message takes the whole buffer behind an array along: a part of a large file must not. */
const compact = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength || bytes.buffer instanceof SharedArrayBuffer
    ? bytes
    : bytes.slice();

/** Of an image that two batches decoded at the same time, one is kept. */
function keepOnce(memory: StoreMemory, index: number, image: DecodedImage | undefined, bytes: number): void {
  if (image && !memory.kept.has(index)) memory.kept.set(index, image);
  else memory.release(bytes);
}

/** Shared buffers that go round. */
function createSlots(length: number, count: number) {
  const free: Float32Array[] = [];
  const waiting: ((slot: Float32Array) => void)[] = [];
  let made = 0;
  return {
    async take(): Promise<Float32Array> {
      const slot = free.pop();
      if (slot) return slot;
      if (made < count) {
        made++;
        return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    give(slot: Float32Array): void {
      const next = waiting.shift();
      if (next) next(slot);
      else free.push(slot);
    },
  };
}
