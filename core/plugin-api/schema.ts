/** A JSON Schema (2020-12) describing a plugin's options: an object schema with defaults, without extra properties. */
export type JsonSchema = {
  readonly type: "object";
  readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
  readonly [keyword: string]: unknown;
};
