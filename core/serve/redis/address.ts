import type { RedisOptions } from "ioredis";
import { DualtailError } from "../../errors.ts";

/** A Redis server, taken apart so that its password stays out of every text. */
export interface RedisAddress {
  readonly options: RedisOptions;
  /** For a person: without the password. */
  readonly description: string;
}

const HINT = "write redis://[user:password@]host[:port][/database], or rediss:// for TLS";

/** @throws DualtailError for what is no address of a Redis server; the message does not repeat it */
export function parseRedisAddress(text: string): RedisAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new DualtailError("--queue: not an address", { hint: HINT });
  }
  const { protocol, hostname, port, username, password, pathname, search, hash } = url;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new DualtailError(`--queue: "${protocol}" is not the address of a Redis server`, { hint: HINT });
  }
  const db = /^\/?(\d{0,4})$/.exec(pathname)?.[1];
  if (db === undefined) throw new DualtailError("--queue: the database is a number", { hint: HINT });
  if (hostname === "") throw new DualtailError("--queue: the address names no host", { hint: HINT });
  // Options in it would be followed by one library and not by another.
  if (search !== "" || hash !== "") {
    throw new DualtailError("--queue: the address has more than a database", { hint: HINT });
  }
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    options: {
      host,
      port: port === "" ? 6379 : Number(port),
      db: Number(db || 0),
      ...(username === "" ? {} : { username: decoded(username) }),
      ...(password === "" ? {} : { password: decoded(password) }),
      ...(protocol === "rediss:" ? { tls: { servername: host } } : {}),
    },
    description: `${protocol}//${hostname}:${port || 6379}${db ? `/${db}` : ""}`,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DualtailError("--queue: user or password is not percent-encoded", { hint: HINT });
  }
}
