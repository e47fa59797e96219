import { defineHubBackbone } from "../../../core/plugin-api/index.ts";
import published from "./checkpoints.json" with { type: "json" };

export const plugin = defineHubBackbone({
  name: "openclip",
  summary: "OpenCLIP (Cherti et al., 2023): LAION's checkpoints, pre-trained on LAION-2B",
  ...published,
});
