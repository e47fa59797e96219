import { KINDS, type PluginKind, type PluginRegistry } from "../container/index.ts";
import { PLUGIN_NAME, RESERVED_NAMES } from "../container/validate-plugin.ts";
import { ConfigError } from "../errors.ts";

/** @throws ConfigError for a name that no plugin can have, or that another plugin of the kind has */
export function checkPluginName(kind: PluginKind, name: string, registry: PluginRegistry): void {
  if (!PLUGIN_NAME.test(name) || RESERVED_NAMES.includes(name)) {
    throw new ConfigError("name", `${JSON.stringify(name)} cannot be the name of a plugin`, {
      hint: `use kebab-case (letters, digits, single hyphens), e.g. my-${kind}; not ${RESERVED_NAMES.join(" or ")}`,
    });
  }
  if (registry.has(kind, name)) {
    throw new ConfigError("name", `there is a ${KINDS[kind].title} "${name}" already`, {
      hint: `choose another name; taken: ${registry.names(kind).join(", ")}`,
    });
  }
}
