import type { UiSchema } from "@rjsf/utils";
import type { JsonObject } from "../../core/launch-page/types.ts";

/** Properties in the order of the form; what is not named comes last. */
const ORDER = ["name", "dataset", "backbones", "losses", "peft", "seeds", "device", "train", "*"];

/** How the form shows a schema: found from the schema's own shape, so that a new option needs nothing here. */
export function uiSchemaOf(schema: JsonObject, isRoot = true): UiSchema {
  if (schema.oneOf && schema.discriminator) {
    return { "ui:field": "choice", "ui:options": { fieldReplacesAnyOrOneOf: true } };
  }
  const items = schema.items as JsonObject | undefined;
  if (schema.type === "array" && items) {
    if (items.enum) return { "ui:widget": "checkboxes" };
    if (items.type === "integer" || items.type === "number") return { "ui:field": "numbers" };
    return { items: uiSchemaOf(items, false) };
  }
  if (Array.isArray(schema.anyOf))
    return { "ui:field": "text", "ui:options": { fieldReplacesAnyOrOneOf: true } };
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonObject>>);
  return {
    ...(isRoot ? { "ui:order": ORDER } : {}),
    ...(schema.type === "boolean" ? { "ui:widget": "checkbox" } : {}),
    ...Object.fromEntries(properties.map(([name, property]) => [name, uiSchemaOf(property, false)])),
  };
}
