export { decodeImage } from "./decode.ts";
export type { DecodedImage } from "./decoded-image.ts";
export { createImageStore, type ImageStore, type ImageStoreOptions } from "./image-store.ts";
export { type Box, createScratch, type ResampleOptions, resample, type Scratch } from "./resample.ts";
export { type TestTransformOptions, testTransform } from "./test-transform.ts";
export { type TrainTransformOptions, trainTransform } from "./train-transform.ts";
export type { Transform, Uniform } from "./transform.ts";
export { createImageWorkers, defaultWorkers, type ImageWorkers, sharedWorkers } from "./workers.ts";
