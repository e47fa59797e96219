import type { OutputUnit, Schema } from "@cfworker/json-schema";
import type { ErrorObject } from "ajv";
import { fromPointer } from "../../core/container/schema/problem.ts";

type Part = string | number;

/** Keywords that only repeat what is wrong inside them. */
const WRAPPERS = new Set([
  "properties",
  "items",
  "prefixItems",
  "allOf",
  "if",
  "then",
  "else",
  "$ref",
  "false",
]);

/** What the interpreter found, as ajv would tell it, for which there are words (core/container/schema). */
export function asAjvErrors(units: readonly OutputUnit[], schema: Schema, data: unknown): ErrorObject[] {
  const told = units.filter(({ keyword }) => !WRAPPERS.has(keyword));
  const unique = new Map(told.map((unit) => [`${unit.keywordLocation} ${unit.instanceLocation}`, unit]));
  return [...unique.values()].flatMap(({ keyword, keywordLocation, instanceLocation }) => {
    const path = fromPointer(keywordLocation.replace(/^#/, "").replaceAll("%25", "%"));
    const instancePath = instanceLocation.replace(/^#/, "");
    // Some units name the keyword's place, some the place of what it holds.
    const at = path.lastIndexOf(keyword);
    const parentSchema = valueAt(schema, path.slice(0, at)) as Record<string, unknown>;
    const value = valueAt(data, fromPointer(instancePath));
    const base = { keyword, instancePath, schemaPath: keywordLocation, parentSchema, data: value };
    return paramsOf(keyword, parentSchema, value).map((params): ErrorObject => ({ ...base, params }));
  });
}

const COMPARISONS: Readonly<Record<string, string>> = {
  minimum: ">=",
  maximum: "<=",
  exclusiveMinimum: ">",
  exclusiveMaximum: "<",
};

function paramsOf(
  keyword: string,
  schema: Record<string, unknown>,
  data: unknown,
): Record<string, unknown>[] {
  const value = schema?.[keyword];
  const comparison = COMPARISONS[keyword];
  if (comparison) return [{ comparison, limit: value }];
  const keys = typeof data === "object" && data !== null ? Object.keys(data) : [];
  switch (keyword) {
    case "type":
      return [{ type: value }];
    case "enum":
      return [{ allowedValues: value }];
    case "const":
      return [{ allowedValue: value }];
    case "required":
      return (value as string[])
        .filter((name) => !keys.includes(name))
        .map((missingProperty) => ({ missingProperty }));
    case "additionalProperties":
      return keys
        .filter((name) => !(name in ((schema.properties as object | undefined) ?? {})))
        .map((additionalProperty) => ({ additionalProperty }));
    case "uniqueItems":
      return [repeated(data as unknown[])];
    case "pattern":
      return [{ pattern: value }];
    default:
      return [{ limit: value }];
  }
}

/** The places of the first two equal entries. */
function repeated(list: readonly unknown[]): { i: number; j: number } {
  const texts = list.map((one) => JSON.stringify(one));
  const j = texts.findIndex((text, index) => texts.indexOf(text) < index);
  return { i: texts.indexOf(texts[j]!), j };
}

const valueAt = (root: unknown, path: readonly Part[]): unknown =>
  path.reduce<unknown>((value, part) => (value as Record<Part, unknown> | undefined)?.[part], root);
