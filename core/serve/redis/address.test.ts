import { describe, expect, it } from "vitest";
import { parseRedisAddress } from "./address.ts";

describe("the address of a Redis server", () => {
  it("is taken apart, and described without its password", () => {
    const { options, description } = parseRedisAddress("redis://me:a%40b@example.org:7000/3");
    expect(options).toEqual({ host: "example.org", port: 7000, db: 3, username: "me", password: "a@b" });
    expect(description).toBe("redis://example.org:7000/3");
    expect(parseRedisAddress("rediss://[::1]").options).toEqual({
      host: "::1",
      port: 6379,
      db: 0,
      tls: { servername: "::1" },
    });
  });

  it.each([
    ["http://:hidden@127.0.0.1", /"http:" is not the address of a Redis server/],
    ["redis://:hidden@127.0.0.1/x", /the database is a number/],
    ["redis://:hidden@127.0.0.1/0?password=hidden", /more than a database/],
    ["redis://:hidden@:99999", /not an address/],
    ["redis://:hid%zzden@127.0.0.1", /percent-encoded/],
    ["redis:hidden", /no host|database/],
    ["127.0.0.1:6379", /not an? address|is not the address/],
  ])("is refused where it is none, and not repeated: %s", (text, reason) => {
    const refusal = (() => {
      try {
        parseRedisAddress(text);
      } catch (error) {
        return error as Error;
      }
      return undefined;
    })();
    expect(refusal?.message).toMatch(reason);
    expect(JSON.stringify([refusal, refusal?.message])).not.toMatch(/hid/);
  });
});
