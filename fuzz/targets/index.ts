import type { Target } from "../target.ts";
import { target as adapters } from "./adapters.ts";
import { target as checkpoint } from "./checkpoint.ts";
import { target as images } from "./images.ts";
import { target as safetensors } from "./safetensors.ts";
import { target as tokenizer } from "./tokenizer.ts";

export const targets: readonly Target[] = [safetensors, checkpoint, tokenizer, adapters, images];
