import { type ConfigDocument, ConfigErrors } from "../comparison/config/index.ts";
import { fromPointer, type Problem, toPointer } from "../container/schema/problem.ts";
import { ConfigError } from "../errors.ts";

/** Where in a file a request's config stands: a preset's. */
export interface Within {
  readonly document: ConfigDocument;
  readonly path: Problem["path"];
}

/**
 * Data as a config document: its errors name the place inside the config, there being no file.
 * @param within the file that it is a part of; errors then name the place there
 */
export function dataDocument(
  data: unknown,
  baseDir: string,
  { text = "", within }: { readonly text?: string; readonly within?: Within | undefined } = {},
): ConfigDocument {
  const error: ConfigDocument["error"] = ({ path, problem, hint, at }) =>
    within
      ? within.document.error({ path: [...within.path, ...path], problem, hint, at })
      : new ConfigError(toPointer(path), problem, { hint });
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
    locate: (raised) => {
      if (within === undefined) return raised;
      const problem = raised.message.replace(`${raised.path || "/"}: `, "");
      return error({ path: fromPointer(raised.path), at: "value", problem, hint: raised.hint });
    },
  };
}
