import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { ConfigError, FileError } from "../../errors.ts";
import { cannotOpen } from "./safetensors-header.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, verbose: true });

/** Reads a JSON file. @throws FileError when it is missing or not JSON */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw cannotOpen(file, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FileError(file, `is not JSON (${(cause as Error).message})`, {
      hint: "download or copy the file again",
      cause,
    });
  }
}

/** As `readJson`, but undefined when there is no such file. */
export async function readJsonIfPresent(file: string): Promise<unknown> {
  try {
    return await readJson(file);
  } catch (error) {
    if (error instanceof FileError && (error.cause as NodeJS.ErrnoException).code === "ENOENT")
      return undefined;
    throw error;
  }
}

/**
 * Compiles a schema into a check that returns the value with its type.
 * @throws ConfigError naming the file, the JSON path and everything that does not fit
 */
export function jsonCheck<T>(schema: object): (value: unknown, file: string) => T {
  const validate = ajv.compile<T>(schema);
  return (value, file) => {
    if (validate(value)) return value;
    const problems = (validate.errors ?? []).filter(({ keyword }) => keyword !== "anyOf");
    const [first, ...others] = problems.length > 0 ? problems : validate.errors!;
    const more = others.length - MOST_NAMED;
    const named = others.slice(0, MOST_NAMED).map((error) => `; ${pathOf(error)}: ${describe(error)}`);
    const rest = named.join("") + (more > 0 ? `; and ${more} more` : "");
    throw new ConfigError(pathOf(first!), `${describe(first!)}${rest}`, {
      source: file,
      hint: "compare the file with the one the checkpoint was published with",
    });
  };
}

/** A vocabulary has thousands of fields to be wrong in. */
const MOST_NAMED = 8;

function pathOf({ instancePath, keyword, params }: ErrorObject): string {
  return keyword === "required" ? `${instancePath}/${params.missingProperty}` : instancePath || "/";
}

function describe({ keyword, message = `fails "${keyword}"`, params, data }: ErrorObject): string {
  if (keyword === "required") return "is missing";
  const allowed =
    keyword === "enum"
      ? ` (${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(", ")})`
      : "";
  return `${message}${allowed}, but is ${showJson(data)}`;
}

/** A value for a message, cut short. */
export function showJson(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // Nested deeper than calls can be.
    text = inspect(value, { depth: 1 });
  }
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
