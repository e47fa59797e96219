/** ViT-B/16 at 224 pixels, as in CLIP. */
export const vitB16 = {
  width: 768,
  layers: 12,
  heads: 12,
  mlpWidth: 3072,
  patchSize: 16,
  imageSize: 224,
  channels: 3,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
} as const;
