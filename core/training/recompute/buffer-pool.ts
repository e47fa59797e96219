/** Buffers to write results into, used again: fresh ones would be garbage of many megabytes at every step. */
export interface BufferPool {
  /** A buffer of that many floats, with any content. */
  take(size: number): Float32Array;
  /** Gives one back. */
  give(buffer: Float32Array): void;
}

export function bufferPool(): BufferPool {
  const free = new Map<number, Float32Array[]>();
  return {
    take: (size) => free.get(size)?.pop() ?? new Float32Array(size),
    give(buffer) {
      const list = free.get(buffer.length) ?? [];
      list.push(buffer);
      free.set(buffer.length, list);
    },
  };
}
