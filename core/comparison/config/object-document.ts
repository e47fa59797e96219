import { type Problem, toPointer } from "../../container/schema/problem.ts";
import { ConfigError } from "../../errors.ts";
import type { ConfigDocument } from "./document.ts";
import { ConfigErrors } from "./errors.ts";

type Path = readonly (string | number)[];

/**
 * A config that a program made, as if it had been read from a JSON file; errors say the JSON path. Properties that are
 * undefined are left out.
 * @param baseDir folder that relative paths inside are relative to
 * @throws ConfigError for what JSON cannot hold: functions, numbers that are not finite, cycles
 */
export function objectDocument(config: object, baseDir: string): ConfigDocument {
  const data = plain(config, [], []);
  const error = ({ path, problem, hint }: Problem) => new ConfigError(toPointer(path), problem, { hint });
  return {
    file: "the config object",
    baseDir,
    text: `${JSON.stringify(data, null, 2)}\n`,
    data,
    error,
    errors: (problems) => {
      const errors = problems.map(error);
      return errors.length === 1 ? errors[0]! : new ConfigErrors(errors);
    },
    locate: (raised) => raised,
  };
}

function plain(value: unknown, path: Path, around: readonly unknown[]): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const refuse = (what: string) =>
    new ConfigError(toPointer(path), `${what} cannot stand in a config`, {
      hint: "a config holds what JSON can hold",
    });
  if (typeof value !== "object")
    throw refuse(typeof value === "number" ? String(value) : `a ${typeof value}`);
  if (around.includes(value)) throw refuse("an object that holds itself");
  const inside = [...around, value];
  if (Array.isArray(value)) return value.map((item, i) => plain(item, [...path, i], inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw refuse(`a ${(value as object).constructor.name}`);
  const kept = Object.entries(value).filter(([, own]) => own !== undefined);
  return Object.fromEntries(kept.map(([key, own]) => [key, plain(own, [...path, key], inside)]));
}
