import { homedir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { cacheFolder } from "./folders.ts";

it("keeps caches where the user says, else where the system does", () => {
  const home = homedir();
  expect(cacheFolder({ DUALTAIL_CACHE: "here", XDG_CACHE_HOME: "/x" })).toBe(path.resolve("here"));
  expect(cacheFolder({ XDG_CACHE_HOME: "/x" }, "linux")).toBe(path.join("/x", "dualtail"));
  expect(cacheFolder({ XDG_CACHE_HOME: "relative" }, "linux")).toBe(path.join(home, ".cache", "dualtail"));
  expect(cacheFolder({}, "darwin")).toBe(path.join(home, "Library", "Caches", "dualtail"));
  expect(cacheFolder({ LOCALAPPDATA: "/local" }, "win32")).toBe(path.join("/local", "dualtail"));
});
