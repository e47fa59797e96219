/** The shape of the testbed's three CLIPs; small enough to pre-train on two cores. */
export const testbedShape = {
  vision: {
    width: 128,
    layers: 4,
    heads: 4,
    mlpWidth: 512,
    patchSize: 6,
    imageSize: 24,
    channels: 1,
    activation: "quick_gelu",
    layerNormEps: 1e-5,
  },
  text: {
    width: 128,
    layers: 2,
    heads: 4,
    mlpWidth: 512,
    contextLength: 16,
    activation: "quick_gelu",
    layerNormEps: 1e-5,
  },
  projectionDim: 128,
} as const;

export type VisionShape = (typeof testbedShape)["vision"];
