import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { referencePython, runProgram } from "../../scripts/reference/environment.ts";
import { benchJpeg, type JpegBenchResult } from "../jpeg/bench.ts";
import { CASES } from "./cases.ts";
import { type Measurement, measureCase } from "./measure.ts";
import { report, summary } from "./report.ts";

const MODELS = fileURLToPath(new URL("../../.dualtail/bench-models", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
const [BEGIN, END] = ["<!-- against torch: begin -->", "<!-- against torch: end -->"];

/** `npm run bench -- --against torch`: every case of ours beside PyTorch's, in turns on this machine. */
export async function benchAgainstTorch(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      against: { type: "string" },
      repeats: { type: "string", default: "5" },
      threads: { type: "string", default: String(availableParallelism()) },
      only: { type: "string" },
      json: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const keys = [...CASES.map(({ key }) => key), "jpeg"];
  const only = values.only?.split(",") ?? keys;
  const unknown = only.filter((key) => !keys.includes(key));
  if (unknown.length > 0) throw new Error(`no case ${unknown.join(", ")}; known: ${keys.join(", ")}`);
  const [repeats, threads] = [Number(values.repeats), Number(values.threads)];

  const python = await referencePython();
  const chosen = CASES.filter(({ key }) => only.includes(key));
  const models = [...new Set(chosen.map(({ model }) => model))];
  await runProgram(python, [
    fileURLToPath(new URL("../torch/models.py", import.meta.url)),
    MODELS,
    ...models,
  ]);
  const measurements: Measurement[] = [];
  for (const one of chosen) {
    console.error(one.title);
    const measured = await measureCase(one, { python, models: MODELS, threads, repeats });
    measurements.push(measured);
    console.error(summary(measured));
  }
  let jpeg: JpegBenchResult | undefined;
  if (only.includes("jpeg")) {
    console.error("JPEG pipeline");
    jpeg = await benchJpeg({ workers: threads, images: 1024, repeats, python });
  }
  const machine = `${cpus()[0]?.model.trim()}, ${threads} threads, Node ${process.version.slice(1)}, medians of ${repeats} rounds, ${new Date().toISOString().slice(0, 10)}`;
  const text = `${machine}\n\n${report(measurements, jpeg)}`;
  console.log(text);
  if (values.json)
    await writeFile(values.json, `${JSON.stringify({ machine, measurements, jpeg }, null, 2)}\n`);
  if (values.write) {
    const document = await readFile(DOCUMENT, "utf8");
    const [before, after] = [document.split(BEGIN)[0]!, document.split(END)[1]!];
    await writeFile(DOCUMENT, `${before}${BEGIN}\n\n${text}\n\n${END}${after}`);
  }
}
