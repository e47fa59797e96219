import type { ValidateFunction } from "ajv";
import type { PluginRegistry } from "../../container/index.ts";
import { createAjv } from "../../container/schema/ajv.ts";
import { explain } from "../../container/schema/explain.ts";
import type { Problem } from "../../container/schema/problem.ts";
import { promptTemplates } from "../../models/prompts/index.ts";
import { anyChoice } from "./choices.ts";
import { type ConfigDocument, readConfigDocument } from "./document.ts";
import { OPTIMIZERS } from "./optimizers.ts";
import { relations } from "./relations.ts";
import { createResolver } from "./resolve-choices.ts";
import { comparisonSchema } from "./schema.ts";
import type { ComparisonConfig } from "./types.ts";

let validate: ValidateFunction | undefined;

/** Compiled once, when first needed. */
function validator(): ValidateFunction {
  validate ??= createAjv({ fillDefaults: true }).compile(
    comparisonSchema({ plugin: (kind) => anyChoice(kind), optimizer: anyChoice("optimizer") }),
  );
  return validate;
}

/**
 * The plugins a config asks for, before anything else in it can be checked: their names are needed to check the rest.
 * @throws ConfigError when `plugins` is not a list of strings; other mistakes are left to `validateConfig`.
 */
export function pluginsNamedBy(document: ConfigDocument): readonly string[] {
  const problems = structuralProblems(document).problems.filter(({ path }) => path[0] === "plugins");
  if (problems.length) throw document.errors(problems);
  return ((document.data as { plugins?: string[] } | null)?.plugins ?? []) as readonly string[];
}

function structuralProblems(document: ConfigDocument): {
  data: Record<string, unknown>;
  problems: Problem[];
} {
  const data = structuredClone(document.data) as Record<string, unknown>;
  if (data === null || typeof data !== "object" || Array.isArray(data)) {
    const problem = data === null ? "the config is empty" : "a config must be a mapping of properties";
    return {
      data: {},
      problems: [{ path: [], at: "value", problem, hint: "start with: experiment: my-experiment" }],
    };
  }
  const check = validator();
  return { data, problems: check(data) ? [] : explain(check.errors ?? []) };
}

/**
 * A config, checked against the schema and every plugin's options, with all defaults filled in.
 * @throws ConfigError for one problem, ConfigErrors for several; each says file:line:column, the JSON path, what is
 * wrong and what to do.
 */
export function validateConfig(document: ConfigDocument, registry: PluginRegistry): ComparisonConfig {
  const { data, problems: structural } = structuralProblems(document);
  const resolver = createResolver(registry, structural);

  const dataset = resolver.plugin("dataset", ["dataset"], data.dataset);
  const backbones = resolver.plugins("backbone", ["backbones"], data.backbones);
  const peft = Array.isArray(data.peft)
    ? resolver.plugins("peft", ["peft"], data.peft)
    : [resolver.optional("peft", ["peft"], data.peft)].filter((choice) => choice !== undefined);
  const losses = resolver.plugins("loss", ["losses"], data.losses);
  const train = (data.train ?? {}) as Record<string, unknown>;
  const optimizer = resolver.fromTable("optimizer", OPTIMIZERS, ["train", "optimizer"], train.optimizer);

  const problems = [...structural, ...resolver.problems];
  if (problems.length) throw document.errors(problems);

  const {
    $schema: _schema,
    prompt,
    ...rest
  } = data as { $schema?: string; prompt: string | string[] } & Record<string, unknown>;
  const config = {
    ...rest,
    name: (data.name as string | undefined) ?? (data.experiment as string),
    dataset,
    backbones,
    peft,
    losses,
    prompts: promptTemplates(prompt),
    train: { ...train, optimizer },
  } as unknown as ComparisonConfig;
  const unrelated = relations(config);
  if (unrelated.length) throw document.errors(unrelated);
  return config;
}

/**
 * Reads and checks a config whose plugins are all in `registry` already.
 * @throws ConfigFileError when it cannot be read, else as `validateConfig`
 */
export async function loadConfig(file: string, registry: PluginRegistry): Promise<ComparisonConfig> {
  return validateConfig(await readConfigDocument(file), registry);
}
