import type { ErrorObject } from "ajv";
import { suggest } from "./nearest.ts";
import { fromPointer, type Problem, toPointer } from "./problem.ts";

/** What ajv found, as problems a person can act on: one per place, in the order they were found. */
export function explain(errors: readonly ErrorObject[]): Problem[] {
  const problems = new Map<string, Problem>();
  const inside = insides(errors);
  for (const error of withoutBranches(errors, inside)) {
    const problem = explainOne(error, inside.get(error) ?? []);
    const place = `${problem.at} ${toPointer(problem.path)}`;
    if (!problems.has(place)) problems.set(place, problem);
  }
  return [...problems.values()];
}

const BRANCHING = new Set(["anyOf", "oneOf"]);

type Insides = ReadonlyMap<ErrorObject, readonly ErrorObject[]>;

/**
 * Drops what `if` repeats, and from a failed `anyOf`/`oneOf` what does not help: where a branch fits in type, its own
 * problems are told; where none does, only the error on the whole.
 */
function withoutBranches(errors: readonly ErrorObject[], insideOf: Insides): ErrorObject[] {
  const dropped = new Set(errors.filter(({ keyword }) => keyword === "if"));
  for (const [whole, inner] of insideOf) {
    const isTypeOfWhole = (error: ErrorObject) =>
      error.keyword === "type" && error.instancePath === whole.instancePath;
    const helpful = inner.some((error) => !isTypeOfWhole(error));
    for (const error of helpful ? [whole, ...inner.filter(isTypeOfWhole)] : inner) dropped.add(error);
  }
  return errors.filter((error) => !dropped.has(error));
}

/**
 * For each failed `anyOf`/`oneOf` the errors of its branches: those under its part of the schema that are at its place in
 * the data or further in, since entries of a list share the schema's path. Found by place, so that a list of wrong
 * entries takes no time with the square of its length.
 */
function insides(errors: readonly ErrorObject[]): Insides {
  const wholes = errors.filter(({ keyword }) => BRANCHING.has(keyword));
  const byPlace = new Map(wholes.map(({ instancePath }) => [instancePath, [] as ErrorObject[]]));
  for (const error of errors) {
    for (const place of placesAround(error.instancePath)) byPlace.get(place)?.push(error);
  }
  return new Map(
    wholes.map((whole) => {
      const below = `${whole.schemaPath}/`;
      return [
        whole,
        byPlace.get(whole.instancePath)!.filter(({ schemaPath }) => schemaPath.startsWith(below)),
      ];
    }),
  );
}

/** "/a/b" → "", "/a", "/a/b" */
const placesAround = (pointer: string): string[] => [
  ...[...pointer.matchAll(/\//g)].map(({ index }) => pointer.slice(0, index)),
  pointer,
];

/** @param inner the errors of its branches, for a failed `anyOf` or `oneOf` */
type Explain = (
  error: ErrorObject,
  inner: readonly ErrorObject[],
) => Partial<Problem> & { readonly problem: string };

const bound: Explain = ({ params, data }) => ({
  problem: `must be ${WORDS[params.comparison as string] ?? params.comparison} ${params.limit}, but is ${show(data)}`,
});

const WORDS: Readonly<Record<string, string>> = {
  ">=": "at least",
  "<=": "at most",
  ">": "greater than",
  "<": "less than",
};

const branches: Explain = (error, inner) => {
  const types = inner.map(({ params }) => article(params.type));
  const allowed = types.length
    ? `must be ${[...new Set(types)].join(" or ")}`
    : "fits none of the allowed forms";
  return { problem: `${allowed}, but is ${show(error.data)}` };
};

const EXPLAIN: Readonly<Record<string, Explain>> = {
  additionalProperties: ({ params, parentSchema, instancePath }) => {
    const name = params.additionalProperty as string;
    return {
      path: [...fromPointer(instancePath), name],
      at: "key",
      problem: `unknown property "${name}"`,
      hint: suggest(name, Object.keys((parentSchema?.properties as object | undefined) ?? {})),
    };
  },
  required: ({ params, parentSchema }) => {
    const name = params.missingProperty as string;
    const property = (parentSchema?.properties as Record<string, { description?: string }> | undefined)?.[
      name
    ];
    return {
      problem: `the property "${name}" is missing`,
      hint: property?.description ? `add "${name}": ${property.description}` : `add "${name}"`,
    };
  },
  type: ({ params, data }) => ({ problem: `must be ${article(params.type)}, but is ${show(data)}` }),
  enum: ({ params, data }) => {
    const allowed = (params.allowedValues as unknown[]).map((value) =>
      typeof value === "string" ? value : show(value),
    );
    return {
      problem: `${show(data)} is not one of the allowed values`,
      hint: suggest(String(data), allowed),
    };
  },
  const: ({ params, data }) => ({ problem: `must be ${show(params.allowedValue)}, but is ${show(data)}` }),
  minimum: bound,
  maximum: bound,
  exclusiveMinimum: bound,
  exclusiveMaximum: bound,
  minItems: ({ params, data }) => ({
    problem: `needs at least ${params.limit} ${params.limit === 1 ? "entry" : "entries"}, but has ${(data as unknown[]).length}`,
  }),
  maxItems: ({ params, data }) => ({
    problem: `takes at most ${params.limit} ${params.limit === 1 ? "entry" : "entries"}, but has ${(data as unknown[]).length}`,
  }),
  uniqueItems: ({ params, data }) => {
    const [first, second] = [params.i as number, params.j as number].sort((a, b) => a - b);
    const value = show((data as unknown[])[params.i as number]);
    return { problem: `entries ${first} and ${second} are the same (${value})`, hint: "remove one" };
  },
  minLength: ({ params, data }) => ({
    problem:
      params.limit === 1
        ? "must not be empty"
        : `needs at least ${params.limit} characters, but is ${show(data)}`,
  }),
  pattern: ({ params, parentSchema, data }) => ({
    problem: `${show(data)} does not match ${params.pattern}`,
    hint: parentSchema?.description as string | undefined,
  }),
  anyOf: branches,
  oneOf: branches,
};

function explainOne(error: ErrorObject, inner: readonly ErrorObject[]): Problem {
  const base = { path: fromPointer(error.instancePath), at: "value" } as const;
  const explained = EXPLAIN[error.keyword]?.(error, inner) ?? {
    problem: error.message ?? `fails "${error.keyword}"`,
  };
  return { ...base, ...explained };
}

const ARTICLES: Readonly<Record<string, string>> = {
  object: "a mapping",
  array: "a list",
  string: "a string",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  null: "null",
};

function article(type: unknown): string {
  return [type]
    .flat()
    .map((one) => ARTICLES[String(one)] ?? String(one))
    .join(" or ");
}

/** A value as it fits into a message. */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null (empty)";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  // JSON has no NaN or infinity, YAML does.
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
