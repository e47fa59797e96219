// @ts-check
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { name, exports } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/**
 * What each public module is imported by, by the source that it is built from. Patterns such as `./losses/*` stand for
 * many modules with the same face and are left out.
 */
const modules = new Map(
  Object.entries(exports).flatMap(([entry, { default: built = "" }]) => {
    const source = entry.includes("*") ? undefined : /^\.\/dist\/(.+)\.js$/.exec(built)?.[1];
    return source === undefined ? [] : [[`${source}.ts`, name + entry.slice(1)]];
  }),
);

/** Calls modules what they are imported by, in place of their folder's name. */
function publishedNames({ converter }) {
  converter.on("resolveBegin", (context) => {
    for (const reflection of context.project.children ?? []) {
      const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
      const published = file && modules.get(relative(root, file).replaceAll("\\", "/"));
      if (published) reflection.name = published;
    }
  });
}

// biome-ignore lint/style/noDefaultExport: typedoc reads its options from it
export default {
  name,
  tsconfig: "tsconfig.json",
  entryPoints: [...modules.keys()].map((source) => `../../${source}`),
  plugin: [publishedNames],
  readme: "start.md",
  githubPages: false,
  disableGit: true,
  disableSources: true,
  excludeInternal: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  treatValidationWarningsAsErrors: true,
  // What is plain from its name and type, such as most properties, needs no sentence.
  requiredToBeDocumented: ["Module", "Function", "Class", "Interface", "TypeAlias", "Variable", "Method"],
  // Stand behind the public types of the same name, which show all that they have.
  intentionallyNotExported: [
    "core/container/create-container.ts:ContainerOptions",
    "core/container/services.ts:Services",
  ],
};
