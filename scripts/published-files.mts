import { publishedSchemas } from "../core/comparison/config/published-schema.ts";
import { createContainer, resolve } from "../core/container/index.ts";
import { publishedServeSchema } from "../core/serve/config/published-schema.ts";
import { configurationDoc } from "./configuration-doc.mts";

/** Everything that is generated from the schemas, by path from the repository root. */
export async function publishedFiles(): Promise<ReadonlyMap<string, string>> {
  const registry = resolve(await createContainer(), "registry");
  const all = [...publishedSchemas(registry), ["serve.schema.json", publishedServeSchema(registry)] as const];
  const schemas = all.map(([file, schema]): [string, string] => [
    `schemas/${file}`,
    `${JSON.stringify(schema, null, 2)}\n`,
  ]);
  return new Map([...schemas, ["docs/configuration.md", configurationDoc(registry)]]);
}
