import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Tracking } from "../../core/container/index.ts";
import type { RunStatus, TrackedRun } from "../../core/tracking/index.ts";

export interface MemoryRun {
  readonly id: string;
  readonly name: string;
  readonly tags: Record<string, string>;
  readonly params: Record<string, unknown>;
  readonly metrics: Record<string, number>;
  readonly artifacts: Map<string, Uint8Array>;
  status: RunStatus | "RUNNING";
}

/** Keeps runs in memory, and tells what was opened and closed. */
export function memoryTracking(description = "memory") {
  const runs: MemoryRun[] = [];
  const seen = { experiments: [] as string[], trackersClosed: 0, closed: false };
  const writer = (run: MemoryRun): TrackedRun => ({
    id: run.id,
    logParams: async (params) => void Object.assign(run.params, params),
    async logMetrics(points) {
      for (const { key, value } of points) run.metrics[key] = value;
    },
    setTags: async (tags) => void Object.assign(run.tags, tags),
    logInputs: async () => {},
    logArtifact: async (path, content) => void run.artifacts.set(path, Buffer.from(content)),
    logArtifactFile: async (path, file) => void run.artifacts.set(path, await readFile(file)),
    logModel: async () => {},
    async finish(status) {
      run.status = status;
    },
  });
  const tracking: Tracking = {
    description,
    async open(experiment) {
      seen.experiments.push(experiment);
      return {
        description,
        async startRun({ id = randomUUID(), name, tags = {} }) {
          const empty = { params: {}, metrics: {}, artifacts: new Map(), status: "RUNNING" as const };
          const run: MemoryRun = { id, name, tags: { ...tags }, ...empty };
          runs.push(run);
          return writer(run);
        },
        resumeRun: async (id) => writer(runs.find((run) => run.id === id)!),
        finishedRuns: async (tag) =>
          runs
            .filter(({ status, tags }) => status === "FINISHED" && tags[tag] !== undefined)
            .map((run) => ({
              ...run,
              ownId: run.id,
              artifact: async (path: string) => run.artifacts.get(path),
            }))
            .reverse(),
        async close() {
          seen.trackersClosed++;
        },
      };
    },
    async close() {
      seen.closed = true;
    },
  };
  return { tracking, runs, seen };
}
