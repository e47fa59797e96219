/** Runs every `*.golden.test.ts` and prints the largest relative error per module: `npm run parity`. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Row {
  readonly module: string;
  readonly what: string;
  readonly reference: string;
  /** A string for NaN and infinity, which JSON has not. */
  readonly error: number | string;
  readonly tolerance: number;
  readonly values: number;
}

const folder = mkdtempSync(join(tmpdir(), "dualtail-parity-"));
const file = join(folder, "rows.jsonl");
const { status } = spawnSync("npx", ["vitest", "run", "golden", ...process.argv.slice(2)], {
  stdio: ["ignore", process.stderr, process.stderr],
  env: { ...process.env, DUALTAIL_PARITY_FILE: file },
});
const rows = existsSync(file)
  ? readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Row)
  : [];
rmSync(folder, { recursive: true });

const groups = new Map<string, Row[]>();
for (const row of rows) {
  const key = [row.module, row.reference, row.tolerance].join("|");
  groups.set(key, [...(groups.get(key) ?? []), row]);
}
const worst = (list: readonly Row[]) =>
  list.reduce((a, b) => (typeof a.error === "string" || Number(a.error) >= Number(b.error) ? a : b));
console.log("| module | reference | comparisons | values | max relative error | where | tolerance |");
console.log("| --- | --- | ---: | ---: | ---: | --- | ---: |");
for (const list of [...groups.values()].sort((a, b) => a[0]!.module.localeCompare(b[0]!.module))) {
  const { module, reference, tolerance, error, what } = worst(list);
  const values = list.reduce((sum, row) => sum + row.values, 0);
  const shown = typeof error === "string" ? error : error.toExponential(1);
  console.log(
    `| ${module} | ${reference} | ${list.length} | ${values} | ${shown} | ${what} | ${tolerance.toExponential(0)} |`,
  );
}
process.exitCode = status ?? 1;
