import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { DualtailError, FileError } from "../../../core/plugin-api/index.ts";
import { readLines } from "../shared/text-lines.ts";

/** Side of an image in pixels. */
export const SIDE = 32;
const PLANE = SIDE * SIDE;
/** Coarse label, fine label, then the red, green and blue planes. */
const RECORD = 2 + 3 * PLANE;
const CHUNK = 512;

const FILES = { train: "train.bin", test: "test.bin", names: "fine_label_names.txt" } as const;
export type ArchiveFiles = Readonly<Record<keyof typeof FILES, string>>;

/**
 * Finds the three files of CIFAR-100's binary archive in `root` or in its folder `cifar-100-binary`.
 * @throws DualtailError saying what to do about another archive, or one that is still packed
 */
export function locateArchive(root: string): ArchiveFiles {
  const here = (...parts: string[]) => path.join(root, ...parts);
  for (const folder of [root, here("cifar-100-binary")]) {
    const files = Object.entries(FILES).map(([key, name]) => [key, path.join(folder, name)] as const);
    const found = files.filter(([, file]) => existsSync(file));
    if (found.length === files.length) return Object.fromEntries(files) as unknown as ArchiveFiles;
    const missing = files.find(([, file]) => !existsSync(file))!;
    if (found.length > 0) {
      throw new FileError(missing[1], "does not exist, though other files of CIFAR-100 lie beside it", {
        hint: "unpack the archive again: tar xzf cifar-100-binary.tar.gz",
      });
    }
  }
  if (existsSync(here("cifar-100-binary.tar.gz"))) {
    throw new DualtailError(`${here("cifar-100-binary.tar.gz")}: the archive is not unpacked`, {
      hint: `tar xzf cifar-100-binary.tar.gz in ${root}`,
    });
  }
  const python = [here("cifar-100-python"), here("cifar-100-python.tar.gz")].find((file) => existsSync(file));
  if (python !== undefined || (existsSync(here("meta")) && existsSync(here("train")))) {
    throw new DualtailError(
      `${python ?? root}: this is CIFAR-100's Python version, whose pickle files can run code`,
      {
        hint: "use the binary version, cifar-100-binary.tar.gz; its images and their order are the same",
      },
    );
  }
  throw new DualtailError(`${root}: neither this folder nor cifar-100-binary in it has ${FILES.train}`, {
    hint: "set root to where cifar-100-binary.tar.gz was unpacked",
  });
}

/** The names of the fine labels. @throws FileError when there is another number of them than `classes` */
export async function readFineNames(file: string, classes: number): Promise<string[]> {
  const names = (await readLines(file, "file of class names")).map(({ text }) => text);
  if (names.length !== classes)
    throw new FileError(file, `has ${names.length} names, CIFAR-100 has ${classes}`);
  return names;
}

/**
 * Fine label per record. @throws FileError for a file that is not a whole number of records, or a label that is none of
 * the classes
 */
export async function readFineLabels(file: string, classes: number): Promise<Uint8Array> {
  const labels: number[] = [];
  await forEachRecord(file, (record, i) => {
    const label = record[1]!;
    if (label >= classes || record[0]! >= classes) {
      throw new FileError(
        file,
        `record ${i} has the labels ${record[0]} and ${label}; CIFAR-100 has ${classes} classes`,
        {
          hint: "the file may be damaged, or that of another data set; unpack the archive again",
        },
      );
    }
    labels.push(label);
  });
  return Uint8Array.from(labels);
}

/** Pixels of the records asked for, in that order, each 32 × 32 × 3 interleaved. */
export async function readPixels(file: string, records: Int32Array): Promise<Uint8Array[]> {
  const positions = new Map<number, number>();
  records.forEach((record, position) => {
    positions.set(record, position);
  });
  const out = new Array<Uint8Array>(records.length);
  await forEachRecord(file, (record, i) => {
    const position = positions.get(i);
    if (position !== undefined) out[position] = interleave(record.subarray(2));
  });
  return out;
}

/** [3, 32, 32] → [32, 32, 3] */
function interleave(planes: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * PLANE);
  for (let i = 0; i < PLANE; i++) {
    pixels[3 * i] = planes[i]!;
    pixels[3 * i + 1] = planes[PLANE + i]!;
    pixels[3 * i + 2] = planes[2 * PLANE + i]!;
  }
  return pixels;
}

/** Reads a file chunk by chunk, so that 150 MB are never in memory at once. */
async function forEachRecord(
  file: string,
  visit: (record: Uint8Array, index: number) => void,
): Promise<void> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size === 0 || size % RECORD !== 0) {
      throw new FileError(file, `${size} bytes are not a whole number of records of ${RECORD} bytes`, {
        hint: "the file may be cut off; unpack the archive again",
      });
    }
    const buffer = new Uint8Array(Math.min(size, CHUNK * RECORD));
    for (let start = 0; start < size; start += buffer.length) {
      const length = Math.min(buffer.length, size - start);
      for (let filled = 0; filled < length; ) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, start + filled);
        if (bytesRead === 0) throw new FileError(file, "became shorter while it was read");
        filled += bytesRead;
      }
      for (let at = 0; at < length; at += RECORD)
        visit(buffer.subarray(at, at + RECORD), (start + at) / RECORD);
    }
  } finally {
    await handle.close();
  }
}
