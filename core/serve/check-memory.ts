import { totalmem } from "node:os";
import type { PreparedComparison } from "../comparison/prepare.ts";
import { RefusedError } from "./errors.ts";

/**
 * Keeps out what would end the server: a comparison whose estimate exceeds this machine's memory. One that cannot be
 * estimated passes.
 * @param available bytes
 * @throws RefusedError
 */
export async function checkMemory(
  { config, plan, registry, document: { baseDir } }: PreparedComparison,
  cacheDir: string,
  available: number = totalmem(),
): Promise<void> {
  const { estimatePlan } = await import("../comparison/estimate/index.ts");
  // Time is of no interest: any rate will do.
  const result = await estimatePlan({
    config,
    plan,
    registry,
    baseDir,
    cacheDir,
    env: process.env,
    rate: 1,
  });
  if (!result.ok) return;
  const { host, cell } = result.estimate.memory;
  const needed = host.reduce((sum, { bytes }) => sum + bytes, 0);
  if (needed <= available) return;
  throw new RefusedError(
    `"${cell}" would take ${gibibytes(needed)} of memory, and this machine has ${gibibytes(available)}`,
    { hint: "choose a smaller train.microBatchSize, train.recompute, or fewer parameters" },
  );
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
