/**
 * The little that is needed of the global `WebAssembly`, which TypeScript declares only in its library for browsers,
 * beside much that Node does not have.
 */
export interface WasmModule {
  readonly wasmModule: unique symbol;
}

export interface WasmMemory {
  /** Another one after `grow`; the old one is then empty. */
  readonly buffer: ArrayBuffer;
  /** @throws RangeError when there is no more memory */
  grow(pages: number): number;
}

interface WebAssemblyNamespace {
  /** False for what this engine cannot run, as SIMD where it has none. */
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule) => { readonly exports: unknown };
}

/** Undefined where JavaScript runs without it (`--jitless`). Not the DOM's types: they are not everywhere. */
export const webAssembly = (globalThis as unknown as { WebAssembly?: WebAssemblyNamespace }).WebAssembly;
