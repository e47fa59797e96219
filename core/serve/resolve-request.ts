import { stringify } from "yaml";
import { takeApart } from "../comparison/config/choices.ts";
import type { ComparisonConfig, ConfigDocument, PluginChoice } from "../comparison/config/index.ts";
import { type PreparedComparison, prepareDocument } from "../comparison/prepare.ts";
import type { PluginRegistry } from "../container/index.ts";
import { suggest } from "../container/schema/nearest.ts";
import type { Problem } from "../container/schema/problem.ts";
import type { ServeConfig } from "./config/index.ts";
import { foreignKeys } from "./foreign-keys.ts";
import { suspiciousTexts } from "./no-paths.ts";
import { dataDocument, type Within } from "./request-document.ts";
import { rawSizeProblems, sizeProblems } from "./request-size.ts";
import type { LaunchRequest } from "./requests.ts";

export interface Resolving {
  readonly server: ServeConfig;
  readonly registry: PluginRegistry;
  /** Of the server's file. */
  readonly baseDir: string;
  readonly experiment: string;
  /** Absent: it stands alone. */
  readonly within?: Within;
}

export interface ResolvedRequest extends PreparedComparison {
  /** Cells that are trained. */
  readonly trainings: number;
}

/**
 * A request as a comparison that can be run: names replaced by what the server's file says of them, everything checked
 * as a config is. Nothing that the request names is opened, fetched, imported or run here.
 * @throws ConfigError, ConfigErrors with the places inside the request's config
 */
export function resolveRequest(request: LaunchRequest, resolving: Resolving): ResolvedRequest {
  const { server, registry } = resolving;
  const document = requestDocument(request.config, resolving);
  const large = (checked: ComparisonConfig) => {
    const problems = [...notAllowed(checked, server), ...sizeProblems(checked, registry, server.limits)];
    if (problems.length > 0) throw document.errors(problems);
  };
  const prepared = prepareDocument(document, registry, {}, large);
  const trainings = prepared.plan.cells.filter(({ kind }) => kind !== "post-hoc").length;
  return { ...prepared, trainings };
}

/**
 * A request's config as that of a comparison, not checked against any schema yet. Nothing here takes long, whatever it
 * holds. @throws ConfigError, ConfigErrors
 */
export function requestDocument(
  config: LaunchRequest["config"],
  { server, registry, baseDir, experiment, within }: Resolving,
): ConfigDocument {
  const asked = dataDocument(config, baseDir, { within });
  const refused = [
    ...foreignKeys(config),
    ...suspiciousTexts(config),
    ...rawSizeProblems(config, registry, server.limits),
  ];
  if (refused.length > 0) throw asked.errors(refused);
  const names = createNames();
  const dataset = names.offered(["dataset"], config.dataset, server.datasets, "dataset");
  const backbones = Array.isArray(config.backbones)
    ? config.backbones.map((value, index) =>
        names.offered(["backbones", index], value, server.backbones, "backbone"),
      )
    : config.backbones;
  if (names.problems.length > 0) throw asked.errors(names.problems);
  const data = {
    experiment,
    ...config,
    ...(dataset === undefined ? {} : { dataset }),
    ...(backbones === undefined ? {} : { backbones }),
    device: config.device ?? server.allow.device[0],
    ...(server.threads === undefined ? {} : { threads: server.threads }),
    output: server.output,
    plugins: server.plugins,
  };
  return dataDocument(data, baseDir, { text: stringify(data), within });
}

/** Replaces the names that a server offers by what they stand for. */
function createNames() {
  const problems: Problem[] = [];
  return {
    problems,
    offered(
      path: (string | number)[],
      value: unknown,
      offers: Readonly<Record<string, PluginChoice>>,
      what: string,
    ): unknown {
      // Of the wrong form: the schema says so.
      const named = typeof value === "object" && value !== null && "use" in value ? value.use : value;
      if (typeof named !== "string") return value;
      const { use, label, options } = takeApart(value);
      const [extra] = Object.keys(options);
      const choice = Object.hasOwn(offers, use) ? offers[use] : undefined;
      if (choice === undefined) {
        const at = typeof value === "string" ? path : [...path, "use"];
        const problem = `this server offers no ${what} "${use.slice(0, 100)}"`;
        problems.push({ path: at, at: "value", problem, hint: suggest(use, Object.keys(offers), "offered") });
      } else if (extra !== undefined) {
        problems.push({
          path: [...path, extra],
          at: "key",
          problem: `the options of a ${what} are the server's`,
          hint: "remove it; only the name and a label are a request's",
        });
      } else {
        const own = label ?? choice.label ?? (use === choice.use ? undefined : use);
        return { use: choice.use, ...choice.options, ...(own === undefined ? {} : { label: own }) };
      }
      return undefined;
    },
  };
}

/** What the server's file does not allow. */
export function notAllowed({ device, peft, losses }: ComparisonConfig, { allow }: ServeConfig): Problem[] {
  const refuse = (path: Problem["path"], use: string, names: readonly string[]): Problem[] =>
    names.includes(use)
      ? []
      : [
          {
            path,
            at: "value",
            problem: `"${use}" is not allowed here`,
            hint: suggest(use, names, "allowed"),
          },
        ];
  return [
    ...refuse(["device"], device, allow.device),
    ...peft.flatMap(({ use }) => (allow.pefts ? refuse(["peft"], use, allow.pefts) : [])),
    ...losses.flatMap(({ use }, i) => (allow.losses ? refuse(["losses", i], use, allow.losses) : [])),
  ];
}
