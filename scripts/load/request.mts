import { randomUUID } from "node:crypto";
import { PIECE } from "../../core/launch-page/request-tags.ts";

/** One that trains until it is stopped. */
const CONFIG = {
  dataset: "many",
  backbones: ["small"],
  peft: { use: "adaptformer", bottleneck: 2 },
  losses: ["ce"],
  train: { epochs: 1_000_000, batchSize: 256 },
};

/** The tags of a request, as docs/serve.md has them. */
export const requestTags = (config: Readonly<Record<string, unknown>>, requester: string) => ({
  ...envelope(requester),
  ...textTags(JSON.stringify({ version: 1, config: { ...CONFIG, ...config } })),
});

export const envelope = (requester: string): Record<string, string> => ({
  "dualtail.watch": "1",
  "dualtail.kind": "request",
  "dualtail.run_id": randomUUID().replaceAll("-", ""),
  "mlflow.user": requester,
});

export function textTags(text: string): Record<string, string> {
  if (text.length <= PIECE) return { "dualtail.request": text };
  const pieces = Array.from({ length: Math.ceil(text.length / PIECE) }, (_, i) => [
    `dualtail.request.${i}`,
    text.slice(PIECE * i, PIECE * (i + 1)),
  ]);
  return Object.fromEntries(pieces) as Record<string, string>;
}
