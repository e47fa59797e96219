import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { referencePython } from "../../scripts/reference/environment.ts";
import { median } from "../median.ts";
import { benchJpeg } from "./bench.ts";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: String(availableParallelism()) },
    images: { type: "string", default: "512" },
    repeats: { type: "string", default: "5" },
  },
});
const [workers, images, repeats] = [values.workers, values.images, values.repeats].map(Number) as [
  number,
  number,
  number,
];
const result = await benchJpeg({ workers, images, repeats, python: await referencePython() });
const [ours, torch] = [median(result.ours), median(result.torch)];
console.log(JSON.stringify(result));
console.log(
  `${workers} workers: ${ours.toFixed(0)} images/s, torchvision ${torch.toFixed(0)}; ratio ${(ours / torch).toFixed(2)}`,
);
process.exit(0);
