import { type ConfigDocument, ConfigErrors } from "../comparison/config/index.ts";
import { toPointer } from "../container/schema/problem.ts";
import { ConfigError } from "../errors.ts";

/** Data as a config document: its errors name the place inside the config, there being no file. */
export function dataDocument(data: unknown, baseDir: string, text = ""): ConfigDocument {
  const error: ConfigDocument["error"] = ({ path, problem, hint }) =>
    new ConfigError(toPointer(path), problem, { hint });
  return {
    file: "request",
    baseDir,
    text,
    data,
    error,
    errors: (problems) => {
      const errors = problems.map(error);
      return errors.length === 1 ? errors[0]! : new ConfigErrors(errors);
    },
    locate: (raised) => raised,
  };
}
