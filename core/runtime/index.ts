export { type Device, DeviceError, devices } from "./device.ts";
export { type CompileOptions, compile, type Feeds, type Program, type Results, RunError } from "./program.ts";
