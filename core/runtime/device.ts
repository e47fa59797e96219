import { DualtailError } from "../errors.ts";

/** Where graphs run. */
export const devices = ["cpu", "webgpu", "cuda"] as const;
export type Device = (typeof devices)[number];

/** The installed onnxruntime cannot run on the device that was asked for. */
export class DeviceError extends DualtailError {
  readonly device: Device;

  constructor(device: Device, available: readonly string[], cause?: unknown) {
    const reason = cause instanceof Error ? `: ${cause.message.split("\n")[0]}` : "";
    super(`--device ${device} is not available${reason}`, {
      hint:
        `this build of onnxruntime-node offers: ${available.join(", ")}` +
        (device === "cuda" ? "; CUDA is opt-in: reinstall it with ONNXRUNTIME_NODE_INSTALL=v12" : ""),
      cause,
    });
    this.device = device;
  }
}
