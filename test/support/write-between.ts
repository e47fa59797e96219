import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The machine that a figure was measured on, and when. */
export const measuredOn = (): string =>
  `${cpus().length} cores of ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;

/**
 * Puts what a command has measured into a page, between `<!-- name: begin -->` and `<!-- name: end -->`.
 * @param page from the repository's root
 * @throws Error when the page does not have the markers
 */
export function writeBetween(page: string, name: string, text: string): void {
  const file = fileURLToPath(new URL(`../../${page}`, import.meta.url));
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, rest] = readFileSync(file, "utf8").split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${page} lacks ${begin} … ${end}`);
  writeFileSync(file, `${before}${begin}\n\n${text}\n\n${end}${after}`);
  const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");
  execFileSync(process.execPath, [biome, "format", "--write", file], { cwd: root, stdio: "ignore" });
}
