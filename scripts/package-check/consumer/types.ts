// Compiled in a project that has nothing but the package, under every way of resolving modules that TypeScript has for it.
import {
  type ComparisonResult,
  compare,
  createContainer,
  type DualtailError,
  evaluation,
  type Reporter,
  resolve,
  runScope,
} from "dualtail";
import { bootstrap } from "dualtail/analysis";
import { createGraph, createTrainer, type Graph, injectLora, loadOnnx, type Value } from "dualtail/graph";
import { evaluateLoss } from "dualtail/losses";
import { plugin as la } from "dualtail/losses/la";
import { createMlflowClient, type MlflowClient } from "dualtail/mlflow-js-client";
import { defineLoss, type LossPlugin, PLUGIN_API_VERSION } from "dualtail/plugin-api";

export const plugin: LossPlugin<{ readonly tau: number }> = defineLoss<{ readonly tau: number }>({
  name: "mine",
  summary: "Logit adjustment",
  options: {
    type: "object",
    properties: { tau: { type: "number", default: 1 } },
    additionalProperties: false,
  },
  build: (g, { logits, labels, classPrior }, { tau }) =>
    g.crossEntropy(g.add(logits, g.mul(tau, g.log(classPrior))), labels),
});

export function square(g: Graph, x: Value): Value {
  return g.mul(x, x);
}

export async function names(reporter: Reporter): Promise<readonly string[]> {
  return resolve(await createContainer({ reporter }), "registry").names("loss");
}

export const client: MlflowClient = createMlflowClient({ trackingUri: "http://127.0.0.1:1" });
export const version: number = PLUGIN_API_VERSION;
export const failed = (result: ComparisonResult, error: DualtailError): string =>
  `${result.failed.length} ${error.oneLine} ${Object.keys(evaluation).length} ${createGraph.name}`;

export async function laOf(logits: Float32Array, labels: Int32Array): Promise<number> {
  const { loss, gradients } = await evaluateLoss(la, { tau: 1 }, { logits, labels, classCounts: [3, 1] });
  return loss + gradients.length;
}
export const published: readonly unknown[] = [
  bootstrap,
  compare,
  createTrainer,
  injectLora,
  loadOnnx,
  runScope,
];

// @ts-expect-error A summary is required: types must really be there, not `any`.
defineLoss({ name: "x", options: { type: "object", properties: {}, additionalProperties: false } });
