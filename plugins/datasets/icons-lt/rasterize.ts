import { DualtailError } from "../../../core/plugin-api/index.ts";
import type { CatalogItem } from "./catalog.ts";
import { sheetSvg } from "./sheet.ts";

/** Cells per sheet and edge: one call into the renderer per icon would cost ten times as much. */
const COLUMNS = 12;
const PARALLEL = 2;

/**
 * Draws every item black on white: items.length × side × side grey pixels. Memory is bounded by two sheets beyond the
 * result.
 * @throws DualtailError when sharp is not installed, or naming an icon that does not render.
 */
export async function rasterize(
  items: readonly CatalogItem[],
  side: number,
  progress: (done: number) => void,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const out = new Uint8Array(items.length * side * side);
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < items.length) {
      const start = next;
      const part = items.slice(start, start + COLUMNS * COLUMNS);
      next += part.length;
      const sheet = await render(sharp, part, side);
      for (let i = 0; i < part.length; i++) {
        const [x, y] = [(i % COLUMNS) * side, Math.floor(i / COLUMNS) * side];
        for (let row = 0; row < side; row++) {
          const from = (y + row) * COLUMNS * side + x;
          out.set(sheet.subarray(from, from + side), (start + i) * side * side + row * side);
        }
      }
      done += part.length;
      progress(done);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return out;
}

type Sharp = typeof import("sharp")["default"];

async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new DualtailError("icons-lt: the package sharp, which draws the icons, cannot be loaded", {
      hint: "npm install sharp",
      cause,
    });
  }
}

async function render(sharp: Sharp, items: readonly CatalogItem[], side: number): Promise<Uint8Array> {
  const draw = (part: readonly CatalogItem[]) =>
    sharp(
      Buffer.from(
        sheetSvg(
          part.map(({ icon }) => icon),
          COLUMNS,
          side,
        ),
      ),
      { unlimited: true },
    )
      .flatten({ background: "#fff" })
      .toColourspace("b-w")
      .raw()
      .toBuffer();
  try {
    return await draw(items);
  } catch (cause) {
    for (const item of items) {
      await draw([item]).catch((reason: unknown) => {
        throw new DualtailError(`icons-lt: the icon ${item.id} (${item.revision}) does not render`, {
          hint: "exclude it in sets.json, or install the version of the package named there",
          cause: reason,
        });
      });
    }
    throw new DualtailError("icons-lt: a sheet of icons does not render", { cause });
  }
}
