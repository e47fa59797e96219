import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { Redis } from "ioredis";

/** A redis-server that is installed here; DUALTAIL_REDIS_SERVER names another one. */
export const redisServerPath: string | undefined = [
  process.env.DUALTAIL_REDIS_SERVER,
  ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "redis-server")),
].find((file) => file && existsSync(file));

export interface RedisServer {
  /** With the password. */
  readonly url: string;
  readonly password: string;
  /** For a look at the server itself. */
  readonly client: Redis;
  /** Ends it, as a machine that loses power: nothing is kept. */
  kill(): Promise<void>;
  /** Starts it again at the same port, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A real Redis server of our own, in memory alone. */
export async function startRedis(): Promise<RedisServer> {
  const port = await getPort();
  const password = `p%40ss:${Math.random().toString(36).slice(2)}`;
  let child: ChildProcess | undefined;
  const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 100, lazyConnect: true });
  client.on("error", () => {});
  const restart = async () => {
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    child = spawn(redisServerPath!, [...args, "--requirepass", password], { stdio: "ignore" });
    while ((await client.ping().catch(() => "")) !== "PONG") await sleep(50);
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  await restart();
  return {
    url,
    password,
    client,
    kill,
    restart,
    async stop() {
      client.disconnect();
      await kill();
    },
  };
}
