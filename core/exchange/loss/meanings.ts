/** What an exported loss's inputs and outputs are, by their names without a model's number. */
const MEANINGS: Readonly<Record<string, string>> = {
  logits: "logits of a model, before any adjustment",
  labels: "classes, 0 … K − 1",
  class_prior: "share of the classes among the training images, n_y / N, each above 0",
  pretrain_prior: "estimated prior of the classes in a model's pre-training data, each above 0",
  zero_shot: "logits of a frozen model, scaled as it was pre-trained",
  loss: "value, averaged over the batch",
  grad_logits: "gradient of the loss with respect to the logits of the same number",
  scores: "scores of the classes; their softmax is the prediction",
  probabilities: "softmax of the scores",
};

/** @throws TypeError for a name without a meaning: a mistake of this package */
export function meaningOf(name: string): string {
  const meaning = MEANINGS[name.replace(/_\d+$/, "")];
  if (meaning === undefined) throw new TypeError(`nobody has said what "${name}" is`);
  return meaning;
}
