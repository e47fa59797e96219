import { defineHubBackbone } from "../../../core/plugin-api/index.ts";
import published from "./checkpoints.json" with { type: "json" };

export const plugin = defineHubBackbone({
  name: "clip",
  summary: "CLIP (Radford et al., 2021): OpenAI's checkpoints, pre-trained on WIT-400M",
  ...published,
});
