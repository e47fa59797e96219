export {
  type Adapt,
  type BlockOptions,
  type TransformerShape,
  transformerBlock,
  unchanged,
} from "./block.ts";
export { blockTensors, towerWeight } from "./block-weights.ts";
export { type ImageTowerShape, imageTokens, imageTower, type PromptAt, projectImage } from "./image-tower.ts";
export { normalize, type TextTowerShape, textTower } from "./text-tower.ts";
export type { Weights } from "./weights.ts";
