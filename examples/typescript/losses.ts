// A loss on arrays: its value and its gradient with respect to the logits.
import { compileLoss, evaluateLoss, trainedLoss } from "dualtail/losses";
import { plugin as backdoor } from "dualtail/losses/backdoor";
import { plugin as la } from "dualtail/losses/la";

const classCounts = [500, 50, 5];
const labels = [0, 2, 1, 0];
// [B, K] = [4, 3], row by row; Float64Array computes in double.
const logits = Float32Array.from([2, 1, 0, 1, 1, 1, 0, 2, 1, 3, 0, 0]);

// Once.
const { loss, gradients } = await evaluateLoss(la, { tau: 1 }, { logits, labels, classCounts });
console.log("la", loss.toFixed(4), gradients[0]!.slice(0, 3));

// Many times: compiled for a shape. Gradient descent on the logits of two models at once.
const { recipe } = trainedLoss(backdoor, { mode: "joint" });
const shape = { batch: labels.length, classes: classCounts.length, models: 2, classCounts };
const compiled = await compileLoss(recipe, shape);
const models = [logits.slice(), logits.map((z) => -z)];
for (let step = 0; step <= 100; step++) {
  const result = await compiled.evaluate({ logits: models, labels });
  if (step % 50 === 0) console.log("backdoor, step", step, result.loss.toFixed(4));
  for (const [m, gradient] of result.gradients.entries()) {
    for (const [i, slope] of gradient.entries()) models[m]![i]! -= 4 * slope;
  }
}
await compiled.release();
