import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { fromPointer, type Problem, toPointer } from "../../container/schema/problem.ts";
import { ConfigError } from "../../errors.ts";
import { ConfigErrors, ConfigFileError } from "./errors.ts";

/** A config file that has been read but not checked. */
export interface ConfigDocument {
  /** As the user named it. */
  readonly file: string;
  /** Folder that relative paths inside are relative to. */
  readonly baseDir: string;
  readonly text: string;
  /** Plain data. */
  readonly data: unknown;
  /** The problem as an error that starts with file:line:column. */
  error(problem: Problem): ConfigError;
  /** One error for all of them, in the order of the file. */
  errors(problems: readonly Problem[]): ConfigError | ConfigErrors;
  /** An error raised elsewhere about a path in this config, with the position added. */
  locate(error: ConfigError): ConfigError;
}

/**
 * @param shownAs how the user named the file
 * @throws ConfigFileError when it cannot be read, ConfigError when it is not YAML or JSON.
 */
export async function readConfigDocument(file: string, shownAs: string = file): Promise<ConfigDocument> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const problem = { ENOENT: "there is no such file", EISDIR: "is a folder, not a config file" }[code ?? ""];
    throw new ConfigFileError(shownAs, problem ?? (cause as Error).message, {
      cause,
      hint: "name a YAML or JSON config",
    });
  }
  return parseConfigDocument(text, shownAs, path.dirname(path.resolve(file)));
}

/** JSON is read as YAML, of which it is a part, so that its errors have positions too. */
export function parseConfigDocument(
  text: string,
  file: string,
  baseDir: string = path.dirname(path.resolve(file)),
): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const source = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  // A warning is something YAML would drop (an unknown tag), so the file does not say what its author thinks it does.
  const [broken] = [...document.errors, ...document.warnings];
  if (broken) {
    throw new ConfigError("", `not valid YAML: ${broken.message}`, {
      source: source(broken.pos[0]),
      cause: broken,
    });
  }
  const data = toPlainData(document, source(0));
  const offset = (problem: Pick<Problem, "path" | "at">) => offsetOf(document, problem.path, problem.at);
  const error = (problem: Problem) =>
    new ConfigError(toPointer(problem.path), problem.problem, {
      source: source(offset(problem)),
      hint: problem.hint,
    });
  return {
    file,
    baseDir,
    text,
    data,
    error,
    errors(problems) {
      const inOrder = problems
        .map((problem) => ({ problem, at: offset(problem) }))
        .sort((a, b) => a.at - b.at);
      const errors = inOrder.map(({ problem }) => error(problem));
      return errors.length === 1 ? errors[0]! : new ConfigErrors(errors);
    },
    locate(raised) {
      const problem = raised.message.replace(`${raised.path || "/"}: `, "");
      const at = { path: fromPointer(raised.path), at: "value" } as const;
      return new ConfigError(raised.path, problem, {
        source: source(offset(at)),
        hint: raised.hint,
        cause: raised,
      });
    },
  };
}

function toPlainData(document: Document, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new ConfigError("", `not valid YAML: ${(cause as Error).message}`, { source, cause });
  }
}

/** Offset in the text of what stands at `path`, or of the nearest thing around it. */
function offsetOf(document: Document, path: readonly (string | number)[], at: Problem["at"]): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) {
      node = node.items[Number(part)];
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
      const wantsKey = at === "key" && depth === path.length - 1;
      node = wantsKey || !isNode(pair?.value) ? pair?.key : pair.value;
    } else {
      break;
    }
    if (!isNode(node) || !node.range) break;
    offset = node.range[0];
  }
  return offset;
}
