import { DualtailError } from "../errors.ts";

/** Where graphs run. */
export const devices = ["cpu", "webgpu", "cuda"] as const;
export type Device = (typeof devices)[number];

/** The installed onnxruntime cannot run on the device that was asked for. */
export class DeviceError extends DualtailError {
  readonly device: Device;

  /** @param bundled devices whose libraries come with the installed package */
  constructor(device: Device, bundled: readonly string[], cause?: unknown) {
    // onnxruntime puts source positions and the failed check before what it has to say.
    const line = cause instanceof Error ? cause.message.split("\n")[0]!.replace(/^.*was false\. /, "") : "";
    super(`--device ${device} is not available${line === "" ? "" : `: ${line}`}`, {
      hint: bundled.includes(device)
        ? "it comes with onnxruntime-node but this machine has no adapter for it; use --device cpu"
        : `the installed onnxruntime-node comes with: ${bundled.join(", ")}${
            device === "cuda" ? "; CUDA is opt-in: reinstall it with ONNXRUNTIME_NODE_INSTALL=v12" : ""
          }`,
      cause,
    });
    this.device = device;
  }
}
