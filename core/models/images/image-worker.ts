import { describeError, FileError } from "../../errors.ts";
import { decodeBytes, decodeJpegPart, imageSize } from "./decode.ts";
import type { DecodedImage } from "./decoded-image.ts";
import { readJpegHeader } from "./jpeg-header.ts";
import { readFileHere, readStart } from "./read-bytes.ts";
import { createRenderer, partFor, type Render } from "./render.ts";
import type { Box } from "./resample.ts";
import type { Finish } from "./transform.ts";
import type { TaskResult, WorkerSource, WorkerTasks } from "./worker-tasks.ts";

// Runs in a worker thread: see workers.ts.

export const size: WorkerTasks["size"] = (source) =>
  result(async () => {
    if (source.kind === "file") {
      // A JPEG tells its size early, unless an embedded preview comes first.
      const start = readStart(source.path, 65_536);
      if (readJpegHeader(start)) return imageSize(source.path, start);
    }
    const { name, bytes } = bytesOf(source);
    return imageSize(name, bytes);
  });

export const render: WorkerTasks["render"] = ({ source, placements, finish, out, keep }) =>
  result(async () => {
    const part = keep ? undefined : partFor(placements, finish);
    const { image, origin } = await decode(source, finish.channels, part);
    rendererFor(finish)(image, placements, out, origin);
    return keep ? shared(image) : undefined;
  });

interface Decoded {
  readonly image: DecodedImage;
  /** Where it lies in the whole image. */
  readonly origin: { readonly left: number; readonly top: number };
}

const WHOLE = { left: 0, top: 0 };

async function decode(source: WorkerSource, channels: 1 | 3, part: Box | undefined): Promise<Decoded> {
  if (source.kind === "decoded") return { image: source.image, origin: WHOLE };
  const { name, bytes } = bytesOf(source);
  const header = part && readJpegHeader(bytes);
  if (part && header && header.orientation === 1 && header.components !== 4) {
    return { image: await decodeJpegPart(name, bytes, part, channels), origin: part };
  }
  return { image: await decodeBytes(name, bytes, channels), origin: WHOLE };
}

const bytesOf = (source: Exclude<WorkerSource, { kind: "decoded" }>) =>
  source.kind === "file" ? { name: source.path, bytes: readFileHere(source.path) } : source;

/** A copy that the main thread sees without another one. */
function shared({ data, ...rest }: DecodedImage): DecodedImage {
  const copy = new Uint8Array(new SharedArrayBuffer(data.length));
  copy.set(data);
  return { ...rest, data: copy };
}

// A training has one or two ways to finish an image; tables and working memory are kept for each.
const renderers = new Map<string, Render>();

function rendererFor(finish: Finish): Render {
  const key = JSON.stringify(finish);
  const known = renderers.get(key);
  if (known) return known;
  const made = createRenderer(finish);
  renderers.set(key, made);
  return made;
}

async function result<T>(task: () => Promise<T>): Promise<TaskResult<T>> {
  try {
    return { value: await task() };
  } catch (error) {
    // Anything else is a bug and keeps its stack.
    if (!(error instanceof FileError)) throw error;
    const { file, message, hint, cause } = error;
    return {
      failure: { file, message, hint, cause: cause === undefined ? undefined : describeError(cause) },
    };
  }
}
