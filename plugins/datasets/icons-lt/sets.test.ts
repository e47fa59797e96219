import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { sets } from "./vocabulary.ts";

const PERMISSIVE = ["MIT", "Apache-2.0", "ISC", "CC0-1.0", "BSD-3-Clause", "OFL-1.1", "CC-BY-4.0"];
const require = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

test("every set is permissively licensed, by its list entry and by the package itself", () => {
  for (const set of sets) {
    const info = require(`${set.package}/info.json`) as {
      license: { spdx: string };
      author: { name: string };
    };
    expect(PERMISSIVE).toContain(set.license);
    expect(info.license.spdx, set.prefix).toBe(set.license);
    expect(info.author.name, set.prefix).toBe(set.author);
  }
});

test("no set, author or group of derived drawings has two roles", () => {
  for (const key of ["prefix", "author", "group"] as const) {
    const roles = new Map<string, string>();
    for (const set of sets) {
      expect(roles.get(set[key]) ?? set.role, `${key} ${set[key]}`).toBe(set.role);
      roles.set(set[key], set.role);
    }
  }
  expect(new Set(sets.map(({ prefix }) => prefix)).size).toBe(sets.length);
});

test("the packages are development dependencies at the versions listed, and never dependencies", () => {
  for (const set of sets) expect(manifest.devDependencies[set.package], set.package).toBe(set.version);
  expect(Object.keys(manifest.dependencies).filter((name) => name.startsWith("@iconify"))).toEqual([]);
});
