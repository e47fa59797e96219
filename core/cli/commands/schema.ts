import { writeFile } from "node:fs/promises";
import path from "node:path";
import { publishedComparisonSchema, readConfigDocument } from "../../comparison/config/index.ts";
import { createContainer, resolve } from "../../container/index.ts";
import type { Host } from "../host.ts";
import { containerFor } from "./prepare.ts";

export interface SchemaFlags {
  readonly plugin?: readonly string[];
  readonly out?: string;
}

/** Writes the schema of comparisons with the plugins of a config or of the command line, for completions in editors. */
export async function schemaCommand(
  host: Host,
  config: string | undefined,
  { plugin = [], out }: SchemaFlags,
): Promise<number> {
  const container =
    config === undefined
      ? await createContainer({ plugins: plugin, baseDir: host.cwd })
      : await containerFor(await readConfigDocument(path.resolve(host.cwd, config), config), {});
  // Its own $id is that of the schema without them.
  const { $id: _id, ...schema } = publishedComparisonSchema(resolve(container, "registry"));
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (out === undefined) {
    host.print(text.trimEnd());
    return 0;
  }
  await writeFile(path.resolve(host.cwd, out), text);
  host.print(
    [
      `${out}: written. The first line of a config that is to use it:`,
      "",
      `# yaml-language-server: $schema=./${out}`,
    ].join("\n"),
  );
  return 0;
}
