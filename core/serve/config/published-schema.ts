import { publishedComparisonSchema } from "../../comparison/config/published-schema.ts";
import type { Schema } from "../../comparison/config/schema.ts";
import type { PluginKind, PluginRegistry } from "../../container/index.ts";
import { serveSchema } from "./schema.ts";

/** The server file's schema as published: complete in one file, since editors do not fetch references. */
export function publishedServeSchema(registry: PluginRegistry): Schema {
  const comparison = publishedComparisonSchema(registry);
  const definitions = comparison.$defs as Readonly<Record<PluginKind, Schema>>;
  return {
    $schema: comparison.$schema,
    $id: String(comparison.$id).replace("comparison", "serve"),
    ...serveSchema((kind) => ({ $ref: `#/$defs/${kind}` })),
    $defs: { dataset: definitions.dataset, backbone: definitions.backbone },
  };
}
