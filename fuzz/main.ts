/**
 * Reads files that are broken at random, and fails when that ends in anything but success or a typed error that names
 * the file:
 *
 *     npm run fuzz -- --cases 10000 --seed 1            cases, shared out among the targets
 *     npm run fuzz -- --target images --cases 2000      of one target (may be repeated)
 *     npm run fuzz -- --target images --only 1234       one case again, in full
 */
import { parseArgs } from "node:util";
import { BAD, GOOD, type Outcome } from "./messages.ts";
import { fuzz, isBug, type Result } from "./run.ts";
import { targets } from "./targets/index.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "10000" },
    seed: { type: "string" },
    target: { type: "string", multiple: true },
    only: { type: "string" },
  },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const names = values.target ?? targets.map(({ name }) => name);
const unknown = names.filter((name) => !targets.some((target) => target.name === name));
if (unknown.length > 0) {
  throw new Error(`no target ${unknown.join(", ")}; known: ${targets.map(({ name }) => name).join(", ")}`);
}
const share = Math.ceil(Number(values.cases) / names.length);
const cases =
  values.only === undefined ? Array.from({ length: share }, (_, index) => index) : [Number(values.only)];

console.log(`seed ${seed}`);
const results: Result[] = [];
for (const target of names) {
  const started = performance.now();
  const own = await fuzz({
    seed,
    target,
    cases,
    onResult(result) {
      if (values.only === undefined && !isBug(result)) return;
      console.log(`${target}, case ${result.case}: ${result.outcome}\n${result.detail ?? ""}`);
      if (isBug(result))
        console.log(`  npm run fuzz -- --seed ${seed} --target ${target} --only ${result.case}`);
    },
  });
  const seconds = (performance.now() - started) / 1000;
  console.error(`${target}: ${own.length} cases in ${seconds.toFixed(0)} s`);
  results.push(...own);
}

const outcomes: readonly Outcome[] = [...GOOD, ...BAD];
console.log(`\n| target | cases | ${outcomes.join(" | ")} | longest | most memory |`);
console.log(`| --- | ---: | ${outcomes.map(() => "---:").join(" | ")} | ---: | ---: |`);
for (const name of [...names, "all"]) {
  const own = results.filter(({ target }) => name === "all" || target === name);
  const counts = outcomes.map((outcome) => own.filter((result) => result.outcome === outcome).length);
  const longest = Math.max(...own.map(({ seconds }) => seconds));
  const most = Math.max(...own.map(({ mebibytes }) => mebibytes));
  console.log(
    `| ${name} | ${own.length} | ${counts.join(" | ")} | ${longest.toFixed(2)} s | ${most.toFixed(0)} MiB |`,
  );
}
process.exitCode = results.some(isBug) ? 1 : 0;
