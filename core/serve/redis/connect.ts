import { Redis } from "ioredis";
import { DualtailError } from "../../errors.ts";
import type { RedisAddress } from "./address.ts";

/** Time for the first answer, ms. */
const FIRST_ANSWER = 10_000;

/**
 * Asks a Redis server once whether it is there and lets us in, so that a wrong address or password is told at once.
 * @param warn told when the server may throw jobs away
 * @throws DualtailError
 */
export async function checkRedis(
  { options, description }: RedisAddress,
  warn: (line: string) => void,
): Promise<void> {
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: FIRST_ANSWER,
    commandTimeout: FIRST_ANSWER,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The promise below says it too, or better.
  let trouble: Error | undefined;
  redis.on("error", (error: Error) => {
    trouble = error;
  });
  try {
    await redis.connect();
    await redis.ping();
    const [, policy] = /^maxmemory_policy:(\S+)/m.exec(await redis.info("memory")) ?? [];
    if (policy !== undefined && policy !== "noeviction") {
      warn(
        `Redis at ${description} has the maxmemory-policy ${policy}: when its memory is full it drops jobs; set noeviction`,
      );
    }
  } catch (error) {
    throw new DualtailError(`Redis at ${description}: ${reasonOf(trouble ?? error)}`, {
      hint: "check the address, the user and the password, and that the server runs",
    });
  } finally {
    redis.disconnect();
  }
}

/** Redis' own words and Node's codes hold no password; anything longer is not passed on. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  // BullMQ's codes are numbers, which say less than its words.
  const reason = typeof code === "string" ? code : message;
  return reason?.replaceAll(/\s+/g, " ").slice(0, 200) || "no answer";
}

/** Settings of connections that outlive a Redis that is away. */
export const PATIENT = {
  retryStrategy: (times: number) => Math.min(times * 200, 5000),
} as const;
