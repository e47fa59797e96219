import { defineHubBackbone } from "../../../core/plugin-api/index.ts";
import published from "./checkpoints.json" with { type: "json" };

export const plugin = defineHubBackbone({
  name: "metaclip",
  summary: "MetaCLIP (Xu et al., 2024): Meta's checkpoints, pre-trained on curated, concept-balanced data",
  ...published,
});
