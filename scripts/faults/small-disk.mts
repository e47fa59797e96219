import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  /** Until nothing more goes on it. */
  fill(): Promise<void>;
  free(): Promise<void>;
  readOnly(): void;
  remove(): Promise<void>;
}

/** A file system of its own in memory, of so many MiB. Needs the right to mount (Linux, root). */
export async function smallDisk(mebibytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), "dualtail-faults-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder]);
  const filler = join(folder, "filler");
  return {
    folder,
    async fill() {
      const file = await open(filler, "a");
      const piece = Buffer.alloc(64 * 1024);
      try {
        for (let size = piece.length; size > 0; ) {
          try {
            await file.write(piece, 0, size);
          } catch {
            size >>= 1;
          }
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler, { force: true }),
    readOnly: () => {
      execFileSync("mount", ["-o", "remount,ro", folder]);
    },
    async remove() {
      execFileSync("umount", [folder]);
      await rm(folder, { recursive: true });
    },
  };
}

/** Whether this machine lets us. */
export async function canMount(): Promise<boolean> {
  try {
    await (await smallDisk(1)).remove();
    return true;
  } catch {
    return false;
  }
}
