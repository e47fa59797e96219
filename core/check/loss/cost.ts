import { differentiate } from "../../autodiff/index.ts";
import { createGraph } from "../../graph/index.ts";
import type { TrainedRecipe } from "../../losses/index.ts";
import { compile } from "../../runtime/index.ts";
import { note, type Outcome } from "../findings.ts";
import { show } from "../precision.ts";
import { buildLoss, feedsOf } from "./evaluate.ts";
import { interleavedMedians } from "./interleaved.ts";
import type { LossProblem } from "./problem.ts";
import { nodesOf } from "./size.ts";
import { problemFor, type TrainedSubject } from "./subject.ts";

const [BATCH, CLASSES, ROUNDS] = [64, 1000, 15] as const;

const crossEntropy: TrainedRecipe = {
  mode: "joint",
  build: (g, { logits, labels }) =>
    logits.map((z) => g.crossEntropy(z, labels)).reduce((sum, one) => g.add(sum, one)),
  predict: (_, logits) => logits[0]!,
};

/** Loss and gradient as a training step has them: optimised, in single precision; on one thread. */
async function timed(recipe: TrainedRecipe, p: LossProblem) {
  const g = createGraph();
  const { loss, logits } = buildLoss(g, recipe, p);
  const outputs = [loss, ...differentiate(g, loss, logits)];
  const program = await compile(g, Object.fromEntries(outputs.map((value, i) => [`o${i}`, value])), {
    threads: 1,
  });
  const feeds = feedsOf({ logits: p.logits, labels: p.labels }, "float32");
  return {
    nodes: nodesOf(g, outputs).length,
    /** Milliseconds. */
    time: async () => {
      const start = performance.now();
      await program.run(feeds);
      return performance.now() - start;
    },
    release: () => program.release(),
  };
}

/** What loss and gradient cost beside cross-entropy on as many logits: medians of interleaved runs, in one process. */
export async function cost(subject: TrainedSubject): Promise<Outcome> {
  const p = problemFor(subject, { batch: BATCH, classes: CLASSES });
  const [own, reference] = [await timed(subject.recipe, p), await timed(crossEntropy, p)];
  let medians: number[];
  try {
    medians = await interleavedMedians([own.time, reference.time], ROUNDS);
  } finally {
    await own.release();
    await reference.release();
  }
  const [ms, referenceMs] = medians as [number, number];
  return note(
    `${show(Number((ms / referenceMs).toPrecision(2)))} × the time of cross-entropy (${ms.toFixed(2)} ms to ${referenceMs.toFixed(2)} ms for loss and gradient of ${BATCH} × ${CLASSES} logits on one thread, medians of ${ROUNDS} runs), ${own.nodes} operators to ${reference.nodes}`,
  );
}
