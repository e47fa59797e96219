import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { type RJSFSchema, type RJSFValidationError, toErrorSchema, type ValidatorType } from "@rjsf/utils";
import { explain } from "../../core/container/schema/explain.ts";
import { asAjvErrors } from "./ajv-errors.ts";

/**
 * The form's validator: it interprets schemas instead of compiling them, so that the page needs no `unsafe-eval`, and
 * says what is wrong in the words of the command line.
 */
export function createValidator(): ValidatorType {
  const compiled = new WeakMap<object, { readonly schema: Schema; readonly validator: Validator }>();
  const compile = (source: object) => {
    const known = compiled.get(source);
    if (known) return known;
    const schema = withConditions(source) as Schema;
    const made = { schema, validator: new Validator(schema, "2020-12", false) };
    compiled.set(source, made);
    return made;
  };
  const check = (source: RJSFSchema | boolean, data: unknown): OutputUnit[] =>
    typeof source === "boolean" ? [] : compile(source).validator.validate(defined(data)).errors;

  return {
    isValid: (source, data) => (source as unknown) !== false && check(source, data).length === 0,
    rawValidation: <Result>(source: RJSFSchema, data: unknown) => ({
      errors: check(source, data) as Result[],
    }),
    validateFormData(data, source) {
      const { schema } = compile(source);
      const problems = explain(asAjvErrors(check(source, data), schema, defined(data)));
      const errors = problems.map(({ path, at, problem, hint }): RJSFValidationError => {
        const message = `${problem}${hint ? `; ${hint}` : ""}`;
        const property = path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`)).join("");
        return { name: at, message, property, stack: `${path.join(" → ") || "The request"}: ${message}` };
      });
      return { errors, errorSchema: toErrorSchema(errors) };
    },
  };
}

/** As it will be sent: without properties that are undefined. */
const defined = (data: unknown): unknown =>
  data === undefined ? undefined : JSON.parse(JSON.stringify(data));

/** Branches told apart by a property become conditions on it, so that only the chosen branch has something to say. */
function withConditions(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withConditions);
  if (typeof schema !== "object" || schema === null) return schema;
  const parts = Object.entries(schema).map(([key, value]) => [
    key,
    key === "default" ? value : withConditions(value),
  ]);
  const { oneOf, discriminator, ...rest } = Object.fromEntries(parts);
  if (discriminator === undefined || oneOf === undefined) return Object.fromEntries(parts);
  const name = discriminator.propertyName as string;
  const values = (oneOf as { properties: Record<string, { const: unknown }> }[]).map(
    ({ properties }) => properties[name]!.const,
  );
  return {
    ...rest,
    properties: { [name]: { enum: values } },
    allOf: values.map((value, index) => ({
      if: { type: "object", required: [name], properties: { [name]: { const: value } } },
      // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword; nobody awaits this object.
      then: oneOf[index],
    })),
  };
}
