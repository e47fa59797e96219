import type { Schema } from "./schema.ts";

/** What a place where something is chosen by name may hold, whatever the names are. */
export function anyChoice(what: string): Schema {
  return {
    anyOf: [
      { type: "string", minLength: 1 },
      {
        type: "object",
        required: ["use"],
        properties: { use: { type: "string", minLength: 1, ...textsOfUse(what) }, label: labelSchema },
      },
    ],
  };
}

export const textsOfUse = (what: string) => ({ title: "Use", description: `Name of the ${what}.` });

export const labelSchema: Schema = {
  type: "string",
  minLength: 1,
  maxLength: 100,
  title: "Label",
  description:
    "Name in tables and plots; by default the plugin's name, with the options that tell entries apart.",
};

/** A choice taken apart: the name, the label, and the rest, which are options. */
export interface RawChoice {
  readonly use: string;
  readonly label?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** @param value what `anyChoice` accepts */
export function takeApart(value: unknown): RawChoice {
  if (typeof value === "string") return { use: value, options: {} };
  const { use, label, ...options } = value as { use: string; label?: string } & Record<string, unknown>;
  return { use, label, options };
}
