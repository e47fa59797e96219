// Runs in a project that has nothing but the package: every public module loads, and only what computes loads onnxruntime.
import { readFileSync } from "node:fs";

const { exports } = JSON.parse(readFileSync("node_modules/dualtail/package.json", "utf8"));
const native = () => process.report.getReport().sharedObjects.filter((file) => /onnxruntime/.test(file));
const loaded = [];
for (const subpath of Object.keys(exports)) {
  if (subpath.includes("*") || subpath.endsWith(".json")) continue;
  const name = `dualtail${subpath.slice(1)}`;
  const module = await import(name);
  loaded.push(`${name} (${Object.keys(module).length} exports)`);
  if (native().length > 0) throw new Error(`${name} loads ${native()[0]} when it is imported`);
}
const { compile, createGraph, differentiate } = await import("dualtail");
const g = createGraph();
const logits = g.input("logits", "float32", [2, 3]);
const labels = g.input("labels", "int64", [2]);
const loss = g.crossEntropy(logits, labels);
const [gradient] = differentiate(g, loss, [logits]);
const program = await compile(g, { loss, gradient });
const out = await program.run({
  logits: new Float32Array([1, 2, 3, 0, 0, 0]),
  labels: new BigInt64Array([2n, 0n]),
});
if (native().length === 0) throw new Error("onnxruntime has not been loaded: the check above sees nothing");
console.log(JSON.stringify({ node: process.version, loaded, loss: out.loss[0] }));
