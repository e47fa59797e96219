export type { SafetensorsDType } from "./dtypes.ts";
export { readTensor } from "./read-tensor.ts";
export {
  readSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "./safetensors-header.ts";
export { type TensorArray, type TensorToWrite, writeSafetensors } from "./write-safetensors.ts";
