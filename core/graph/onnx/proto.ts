import { createRequire } from "node:module";
import type { onnx as OnnxNamespace } from "onnx-proto";

// Nothing that is published may have its types in a signature: its declarations need a global Long that they do not bring
// along. What they describe is in message.ts.
export const { onnx } = createRequire(import.meta.url)("onnx-proto") as { onnx: typeof OnnxNamespace };
