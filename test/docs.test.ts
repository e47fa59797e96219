import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseConfigDocument, validateConfig } from "../core/comparison/config/index.ts";
import { planComparison, planWarnings } from "../core/comparison/plan/index.ts";
import { createContainer, resolve } from "../core/container/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const filesUnder = (folder: string, ending: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => ending.test(file) && !/(^|\/)(node_modules|dist)\//.test(file));

const pages = [
  ...readdirSync(root).filter((file) => file.endsWith(".md")),
  ...filesUnder("docs", /\.md$/),
  ...filesUnder("examples", /\.md$/),
  ...filesUnder("testbed", /\.md$/),
];

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const withoutCode = (text: string): string =>
  text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

const anchorsOf = (file: string): Set<string> =>
  new Set([...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!)));

describe("documentation", () => {
  it.each(pages)("%s links to what is there", (page) => {
    for (const [, target] of withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#");
      const file = path === "" ? page : relative(root, join(root, dirname(page), path!));
      expect(existsSync(join(root, file)), `${page} links to ${target}`).toBe(true);
      if (anchor && file.endsWith(".md"))
        expect(anchorsOf(file), `${page} links to ${target}`).toContain(anchor);
    }
  });

  it("is linked from the README, page by page", () => {
    const reached = new Set(["README.md"]);
    for (const page of reached) {
      for (const [, target] of withoutCode(read(page)).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const file = relative(root, join(root, dirname(page), target!));
        if (file.endsWith(".md") && existsSync(join(root, file))) reached.add(file);
      }
    }
    expect(filesUnder("docs", /\.md$/).filter((page) => !reached.has(page))).toEqual([]);
  });

  it("quotes messages that the sources have", () => {
    const sources = [...filesUnder("core", /\.ts$/), ...filesUnder("plugins", /\.ts$/)]
      .filter((file) => !file.endsWith(".test.ts"))
      .map((file) => read(file).replace(/\$\{[^}]*\}/g, "…"))
      .join("\n");
    const quoted = [...read("docs/faq.md").matchAll(/^### .*?`([^`]+)`/gm)].map(([, message]) => message!);
    expect(quoted.length).toBeGreaterThan(5);
    for (const message of quoted) expect(sources, message).toContain(message);
  });

  it("says of recomputation what the benchmarks say", () => {
    const rows = read("docs/benchmarks.md")
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .map((line) => line.split("|").map((cell) => cell.trim()));
    const tables = rows.flatMap((heads, at) => {
      const column = heads.findIndex((head) => /of dualtail's time|`recompute`: of the time/.test(head));
      if (column < 0) return [];
      const rest = rows.slice(at + 2);
      const end = rest.findIndex((cells) => cells.length !== heads.length);
      return [
        rest
          .slice(0, end < 0 ? undefined : end)
          .flatMap((cells) => /^[\d.]+(?=×$)/.exec(cells[column]!) ?? []),
      ];
    });
    expect(tables.map(({ length }) => length)).toEqual([4, 4]);
    const times = tables.flat().map(Number);
    const [least, most] = [Math.min(...times), Math.max(...times)].map((time) => time.toFixed(1));
    for (const page of ["docs/faq.md", "docs/configuration.md"])
      expect(read(page).replace(/\s+/g, " ")).toContain(`for ${least} to ${most} times the time`);
  });
});

describe("the configuration that a page starts with", () => {
  it.each(["README.md", "docs/quickstart.md"])(
    "%s: is valid, and its plan warns of nothing",
    async (page) => {
      const [, text] = /```yaml\n([\s\S]*?)```/.exec(read(page))!;
      const registry = resolve(await createContainer(), "registry");
      const config = validateConfig(parseConfigDocument(text!, page), registry);
      expect(planWarnings(planComparison(config, registry))).toEqual([]);
    },
  );
});
