// Runs in a project that has nothing but the package: every public module loads, and only what computes loads onnxruntime.
import { readFileSync } from "node:fs";

const { exports } = JSON.parse(readFileSync("node_modules/dualtail/package.json", "utf8"));
const native = () => process.report.getReport().sharedObjects.filter((file) => /onnxruntime/.test(file));
const { listLosses } = await import("dualtail/losses");
const losses = (await listLosses()).map(({ name }) => name);
if (losses.length === 0) throw new Error("dualtail/losses lists no loss");
const names = Object.keys(exports)
  .filter((subpath) => !subpath.endsWith(".json") && subpath !== "./schemas/*")
  .flatMap((subpath) => (subpath === "./losses/*" ? losses.map((loss) => `./losses/${loss}`) : subpath))
  .map((subpath) => `dualtail${subpath.slice(1)}`);
const unknown = names.find((name) => name.includes("*"));
if (unknown) throw new Error(`nobody says what is exported as ${unknown}`);
const loaded = [];
for (const name of names) {
  const module = await import(name);
  loaded.push(`${name} (${Object.keys(module).length} exports)`);
  if (name.startsWith("dualtail/losses/") && module.plugin?.name !== name.split("/").at(-1))
    throw new Error(`${name} exports no such plugin`);
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
