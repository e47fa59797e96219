// Imbalance on both sides and what a difference is worth, from arrays of your own.
import {
  bootstrap,
  downstreamGroups,
  dualTail,
  estimatePretrainPrior,
  evaluate,
  holm,
  pretrainGroups,
  softmaxRows,
} from "dualtail/analysis";

// Stand-ins: 6 classes of 30 images each, and logits of two models that see the last classes less well.
const classes = 6;
const classCounts = [900, 300, 90, 60, 15, 8];
const labels = Int32Array.from({ length: 30 * classes }, (_, i) => i % classes);
const noise = (i: number) => Math.sin(12.9898 * i) * 1.5;
const logitsOf = (help: number) =>
  Float32Array.from({ length: labels.length * classes }, (_, i) => {
    const [image, k] = [Math.floor(i / classes), i % classes];
    return (k === labels[image] ? 2 - (1 - help) * 0.3 * k : 0) - 0.2 * k + noise(i);
  });
const [baseline, adjusted] = [logitsOf(0), logitsOf(0.8)];

// The prior of a model's pre-training data, from its zero-shot logits on balanced, labelled images.
const { prior, temperature, gap } = estimatePretrainPrior({ logits: baseline, labels, classes });
console.log(
  "prior",
  [...prior].map((share) => share.toFixed(3)).join(" "),
  `T ${temperature.toFixed(2)}, gap ${gap < 1e-8}`,
);

const downstream = downstreamGroups(classCounts);
const pretrain = pretrainGroups(prior);
console.log("rare in both worlds:", dualTail(downstream, pretrain));

const metricsOf = (logits: Float32Array) =>
  evaluate({
    scores: logits,
    probabilities: softmaxRows(logits, classes),
    labels,
    classes,
    downstream,
    pretrain,
  });
for (const logits of [baseline, adjusted]) {
  const { overall, downstream: groups, ece } = metricsOf(logits);
  console.log(`overall ${overall.toFixed(3)}, few ${groups?.few?.toFixed(3)}, ECE ${ece?.toFixed(3)}`);
}

// Is the second better, over all classes and over the rare ones? Paired over the images.
const correct = [baseline, adjusted].map((logits) =>
  Uint8Array.from(labels, (label, image) => {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    return Number(row.indexOf(Math.max(...row)) === label);
  }),
);
const { estimate } = bootstrap({
  labels,
  classes,
  rows: correct.map((own) => ({ seeds: [0], correct: [own] })),
});
const rare = downstream.flatMap((group, k) => (group === "few" ? [k] : []));
const differences = [undefined, rare].map((over) =>
  estimate([
    { row: 1, weight: 1, ...(over ? { classes: over } : {}) },
    { row: 0, weight: -1, ...(over ? { classes: over } : {}) },
  ]),
);
const adjustedP = holm(differences.map((difference) => difference!.p));
for (const [i, { value, low, high }] of differences.map((difference) => difference!).entries()) {
  console.log(
    `difference ${value.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}], p ${adjustedP[i]!.toFixed(3)}`,
  );
}
