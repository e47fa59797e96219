import type { PeftFormat } from "./format.ts";
import { layerNorm } from "./layer-norm.ts";
import { lora } from "./lora.ts";

/** The methods that Hugging Face peft and we have in common. */
export const FORMATS: readonly PeftFormat[] = [lora, layerNorm];
