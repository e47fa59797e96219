import { choiceOf, type Named } from "./choice-schema.ts";
import type { JsonObject, LaunchLimits, LaunchOffers } from "./types.ts";

/** Taken over from the comparison as they are. */
const AS_THEY_ARE = ["seeds", "prompt", "head", "evaluation"];

export const lossNames = ({ losses }: LaunchOffers): string[] =>
  losses.map((loss) => (typeof loss === "string" ? loss : loss.name));

/**
 * JSON Schema of what the form holds: the comparison's schema, narrowed to the properties that a request may have and to
 * the names that the watcher offers. Without references, so that any part of it stands alone. Choices are objects with
 * `use`, and `peft` is a list, so that the form has one shape for each.
 * @param comparison as published: titles, descriptions, options and bounds are taken from it
 */
export function requestSchema(
  comparison: JsonObject,
  offers: LaunchOffers,
  limits: LaunchLimits = {},
): JsonObject {
  const properties = objectAt(comparison, "properties");
  const property = (name: string) => objectAt(properties, name);
  const named: Named = (kind) => objectAt(objectAt(comparison, "$defs"), kind);
  const texts = (name: string) => {
    const { title, description } = property(name);
    return { title, description };
  };
  const choices = (name: string, title: string, kind: string, names: readonly string[]) => ({
    type: "array",
    minItems: 1,
    items: { title, ...choiceOf(named(kind), named, names) },
    ...texts(name),
  });
  const oneOf = (values: readonly string[]) => ({ type: "string", enum: values });
  return {
    type: "object",
    additionalProperties: false,
    required: ["dataset", "backbones", "peft", "losses", "seeds"],
    properties: {
      name: { ...property("name"), description: "Name of the request, and of the comparison's parent run." },
      dataset: { ...oneOf(offers.datasets), ...texts("dataset"), description: "The long-tailed data." },
      backbones: {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        items: oneOf(offers.backbones),
        ...texts("backbones"),
      },
      losses: choices("losses", "Loss", "loss", lossNames(offers)),
      peft: {
        ...choices("peft", "Method", "peft", offers.pefts),
        description: "How the image tower is adapted. Several methods are applied together.",
      },
      device: { ...oneOf(offers.devices), ...texts("device"), default: offers.devices[0] },
      train: training(property("train"), named, limits),
      ...Object.fromEntries(
        AS_THEY_ARE.filter((name) => name in properties).map((name) => [name, property(name)]),
      ),
    },
  };
}

/** `train`, with the limits as bounds. */
function training(train: JsonObject, named: Named, { epochs, batchSize }: LaunchLimits): JsonObject {
  const bounds: Readonly<Record<string, number | undefined>> = { epochs, batchSize };
  const properties = Object.entries(objectAt(train, "properties")).map(([name, value]) => {
    const schema = value as JsonObject;
    if (Array.isArray(schema.anyOf)) return [name, choiceByName(schema, named)];
    return [name, bounds[name] === undefined ? schema : { ...schema, maximum: bounds[name] }];
  });
  return { ...train, properties: Object.fromEntries(properties) };
}

function choiceByName(schema: JsonObject, named: Named): JsonObject {
  const { title, description, default: use } = schema;
  return { title, description, ...choiceOf(schema, named), default: { use } };
}

function objectAt(schema: JsonObject, key: string): JsonObject {
  const value = schema[key];
  return typeof value === "object" && value !== null ? (value as JsonObject) : {};
}
