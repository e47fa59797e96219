// A loss as nodes of a graph of your own, differentiated with respect to whatever the logits are made of.
import { createGraph, serializeGraph } from "dualtail/graph";
import { buildLoss, differentiate, lossRecipe } from "dualtail/losses";
import { plugin as la } from "dualtail/losses/la";

const [batch, width, classes] = [8, 16, 3];
const classCounts = [500, 50, 5];

const g = createGraph();
const features = g.input("features", "float32", [batch, width]);
const weight = g.input("weight", "float32", [width, classes]);
const { recipe } = lossRecipe(la, { tau: 1 });
if (recipe.mode === "post-hoc") throw new Error("this one is not trained");
const loss = buildLoss(g, recipe, {
  logits: [g.matmul(features, weight)],
  labels: g.input("labels", "int64", [batch]),
  classPrior: g.constant(
    classCounts.map((count) => count / 555),
    [classes],
  ),
  classCounts,
});
const [gradient] = differentiate(g, loss, [weight]);
const { bytes, inputs } = serializeGraph(g, { loss, gradient: gradient! });
console.log(`${bytes.length} bytes of ONNX from ${inputs.map(({ name }) => name).join(", ")}`);
