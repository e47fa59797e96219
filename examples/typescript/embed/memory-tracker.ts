// A tracker of our own: every run in memory.
import { randomUUID } from "node:crypto";
import type { RunStatus, TrackedRun, Tracking } from "dualtail";

export interface MemoryRun {
  readonly name: string;
  /** Of the comparison that it is a part of. */
  readonly parent?: string;
  readonly params: Record<string, string | number | boolean>;
  readonly tags: Record<string, string>;
  /** Newest value by key. */
  readonly metrics: Record<string, number>;
  /** By path: contents, or the file that holds them. */
  readonly artifacts: Map<string, string | Uint8Array>;
  status: RunStatus | "RUNNING";
}

export function memoryTracking() {
  const runs = new Map<string, MemoryRun>();

  const writer = (id: string): TrackedRun => {
    const run = runs.get(id);
    if (run === undefined) throw new Error(`there is no run ${id}`);
    return {
      id,
      logParams: async (params) => void Object.assign(run.params, params),
      async logMetrics(points) {
        for (const { key, value } of points) run.metrics[key] = value;
      },
      setTags: async (tags) => void Object.assign(run.tags, tags),
      logInputs: async () => {},
      logArtifact: async (path, content) => void run.artifacts.set(path, content),
      logArtifactFile: async (path, file) => void run.artifacts.set(path, file),
      logModel: async () => {},
      async finish(status) {
        run.status = status;
      },
    };
  };

  const tracking: Tracking = {
    description: "memory",
    open: async () => ({
      description: "memory",
      async startRun({ id = randomUUID(), name, parent, tags }) {
        const empty = { params: {}, metrics: {}, artifacts: new Map(), status: "RUNNING" as const };
        runs.set(id, { name, parent: parent?.id, tags: { ...tags }, ...empty });
        return writer(id);
      },
      resumeRun: async (id) => writer(id),
      close: async () => {},
    }),
    close: async () => {},
  };
  return { tracking, runs };
}
