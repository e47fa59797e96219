import { pathToFileURL } from "node:url";
import type { AnyPlugin, RegisteredPlugin } from "../container/index.ts";
import { DualtailError } from "../errors.ts";

let imports = 0;

/**
 * What imports a plugin's file once more, as a module of its own that has seen nothing yet; what that file imports in turn
 * stays as it is. Undefined for a plugin that comes from no file.
 */
export function freshImport({ plugin, code }: RegisteredPlugin): (() => Promise<AnyPlugin>) | undefined {
  const file = code?.file;
  if (file === undefined) return undefined;
  let imported: Promise<AnyPlugin> | undefined;
  const load = async () => {
    const url = `${pathToFileURL(file).href}?dualtail-check=${++imports}`;
    const { plugin: one, plugins = [] } = (await import(url)) as {
      plugin?: AnyPlugin;
      plugins?: readonly AnyPlugin[];
    };
    const found = [one, ...plugins].find((own) => own?.kind === plugin.kind && own.name === plugin.name);
    if (found === undefined)
      throw new DualtailError(`${file}, imported anew, exports no ${plugin.kind} "${plugin.name}"`, {
        hint: "what a module exports must not depend on when it is imported",
      });
    return found;
  };
  return () => (imported ??= load());
}
