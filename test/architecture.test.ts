import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each room may import from, besides itself. Everyone may use core/errors.ts. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "core/graph": [],
  "core/autodiff": ["core/graph"],
  "core/runtime": ["core/graph"],
  // Types only: what a plugin implements is written in terms of graphs.
  "core/plugin-api": ["core/graph"],
  "core/models": ["core/graph", "core/runtime", "core/plugin-api"],
  "core/training": ["core/graph", "core/autodiff", "core/runtime", "core/models", "core/plugin-api"],
  "core/losses": ["core/graph", "core/autodiff", "core/runtime", "core/plugin-api", "core/container"],
  "core/exchange": ["core/graph", "core/losses", "core/models", "core/training", "core/plugin-api"],
  // The face of "any ONNX model": what a graph is, gradients and programs are published from here.
  "core/onnx-training": ["core/graph", "core/autodiff", "core/runtime", "core/models", "core/training"],
  "core/evaluation": [],
  "core/mlflow-js-client": [],
  "core/tracking": ["core/mlflow-js-client"],
  "core/container": ["core/plugin-api", "core/tracking"],
  "core/comparison": [
    "core/container",
    "core/evaluation",
    "core/exchange",
    "core/graph",
    "core/models",
    "core/plugin-api",
    "core/runtime",
    "core/tracking",
    "core/training",
  ],
  "core/report": [
    "core/comparison",
    "core/evaluation",
    "core/mlflow-js-client",
    "core/plugin-api",
    "core/tracking",
  ],
  "core/check": [
    "core/autodiff",
    "core/container",
    "core/graph",
    "core/losses",
    "core/models",
    "core/plugin-api",
    "core/runtime",
    "core/training",
  ],
  "core/scaffold": ["core/container", "core/plugin-api"],
  // Shared with the browser: nothing may come along.
  "core/launch-page": [],
  "core/serve": [
    "core/comparison",
    "core/container",
    "core/launch-page",
    "core/mlflow-js-client",
    "core/tracking",
  ],
  "core/cli": [
    "core/check",
    "core/comparison",
    "core/container",
    "core/exchange",
    "core/losses",
    "core/mlflow-js-client",
    "core/plugin-api",
    "core/report",
    "core/scaffold",
    "core/serve",
    "core/tracking",
  ],
  plugins: ["core/plugin-api"],
};

const sources = ["core", "plugins"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => `${folder}/${file}`)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts")),
);

/** "core/graph/ops/index.ts" → "core/graph"; a plugin is a room of its own, next to what its kind shares. */
function roomOf(file: string): string {
  const parts = file.split("/");
  return parts[0] === "plugins" ? parts.slice(0, 3).join("/") : parts.slice(0, 2).join("/");
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, target]) =>
    relative(root, resolve(root, dirname(file), target!)),
  );
}

describe("imports", () => {
  it.each(sources)("%s points the right way", (file) => {
    const room = roomOf(file);
    const rules = room.startsWith("plugins/") ? allowed.plugins! : allowed[room];
    // core/index.ts and core/errors.ts stand at the top: the one gathers what is published, the other is used by all.
    if (room === "core/index.ts" || room === "core/errors.ts") return;
    expect(rules, `${room} has no rule in this test`).toBeDefined();
    for (const target of importsOf(file)) {
      const to = roomOf(target);
      const shared = to === `${room.split("/").slice(0, 2).join("/")}/shared` && room.startsWith("plugins/");
      const fine = to === room || shared || target === "core/errors.ts" || rules!.includes(to);
      expect(fine, `${file} imports ${target}`).toBe(true);
    }
  });

  it("finds imports at all", () => {
    expect(importsOf("core/autodiff/differentiate.ts")).toContain("core/graph/index.ts");
    expect(sources.length).toBeGreaterThan(50);
  });
});

describe("plugins", () => {
  it("are never named in core", () => {
    const names = ["losses", "backbones", "peft", "datasets", "strata"].flatMap((kind) =>
      readdirSync(join(root, "plugins", kind)),
    );
    const offenders = sources
      .filter((file) => file.startsWith("core/"))
      .flatMap((file) => {
        const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
        return names
          .filter((name) => new RegExp(`(===|case|==)\\s*["']${name}["']`).test(text))
          .map((name) => `${file}: ${name}`);
      });
    expect(offenders).toEqual([]);
  });
});
