import {
  type AnyPlugin,
  createContainer,
  createRegistry,
  KINDS,
  type PluginEntry,
  PluginError,
  type PluginKind,
  type PluginOptions,
  type PluginRegistry,
  type RegisteredPlugin,
  resolve,
} from "../container/index.ts";
import { suggest } from "../container/schema/nearest.ts";
import { validateApiVersion, validatePlugin } from "../container/validate-plugin.ts";
import { DualtailError } from "../errors.ts";
import type {
  BackbonePlugin,
  DatasetPlugin,
  LossPlugin,
  PeftPlugin,
  Plugin,
  StratumSource,
  Versioned,
} from "../plugin-api/index.ts";
import { checkBackbone } from "./backbone.ts";
import { checkDataset } from "./dataset.ts";
import { type CheckReport, createFindings, type Findings, fail, note, ok, reportOf } from "./findings.ts";
import { freshImport } from "./fresh.ts";
import { checkLoss } from "./loss/check-loss.ts";
import { checkPeft } from "./peft/check-peft.ts";
import { checkStrata } from "./strata.ts";
import { type Variant, variantsOf } from "./variants.ts";

/** What a plugin is checked with. */
export interface CheckOptions {
  /** Options of the plugin to start from, instead of its defaults. */
  readonly options?: PluginOptions;
  /**
   * Further plugins, for those that the plugin names: the base of a post-hoc loss, a source of strata. Files, folders,
   * npm packages, or plugin objects.
   */
  readonly plugins?: readonly PluginEntry[];
  /** Relative paths in options and plugins are relative to it; default the working directory. */
  readonly baseDir?: string;
  /** Folder for caches of data sets. */
  readonly cacheDir: string;
  /** Also time losses beside cross-entropy. Default true. */
  readonly cost?: boolean;
  /** Also check with options at the edges of their schema, one at a time. Default true. */
  readonly edges?: boolean;
}

/** What a check of one kind is given. */
export interface CheckContext {
  readonly registry: PluginRegistry;
  readonly baseDir: string;
  readonly cacheDir: string;
  readonly cost: boolean;
  /** The first of the variants. */
  readonly isDefault: boolean;
  /** The plugin, from its file imported anew; absent for one that comes from no file. */
  readonly fresh?: () => Promise<never>;
}

let loading: Promise<readonly RegisteredPlugin[]> | undefined;
/** Loaded once: a test may check many plugins. */
const builtIn = () => (loading ??= load([], process.cwd()));

const load = async (plugins: readonly PluginEntry[], baseDir: string) =>
  resolve(await createContainer({ plugins, baseDir }), "registry").list();

/** @throws PluginError for one of the further plugins */
const known = ({ plugins = [], baseDir = process.cwd() }: Partial<CheckOptions>) =>
  plugins.length === 0 ? builtIn() : load(plugins, baseDir);

type CheckKind = (
  plugin: never,
  variant: Variant,
  findings: Findings,
  context: CheckContext,
) => Promise<void>;

const erased = <
  P extends AnyPlugin | DatasetPlugin | BackbonePlugin | LossPlugin | PeftPlugin | StratumSource,
>(
  check: (plugin: P, variant: Variant, findings: Findings, context: CheckContext) => Promise<void>,
) => check as CheckKind;

const CHECKS: Readonly<Record<PluginKind, CheckKind>> = {
  loss: erased(checkLoss),
  peft: erased(checkPeft),
  strata: erased(checkStrata),
  dataset: erased(checkDataset),
  backbone: erased(checkBackbone),
};

/**
 * Checks that a plugin does what its interface promises, with its default options and with one option at a time at the
 * edges of its schema.
 * @throws PluginError for one of `options.plugins` that does not load
 */
export async function checkPlugin(
  plugin: Plugin,
  options: Partial<CheckOptions> & { readonly from?: string } = {},
): Promise<CheckReport> {
  const { from = "the plugin", cacheDir = ".dualtail/cache", ...rest } = options;
  const others = await known(options);
  return checkRegistered({ plugin: plugin as AnyPlugin, from }, others, { ...rest, cacheDir });
}

/**
 * Checks the plugins that a path, an npm package or the name of a built-in plugin (`ce`, `loss/ce`) stands for.
 * @throws DualtailError when it stands for none, PluginError for one of `options.plugins` that does not load
 */
export async function checkSource(specifier: string, options: CheckOptions): Promise<readonly CheckReport[]> {
  const { plugins = [], baseDir = process.cwd() } = options;
  const others = await known(options);
  const named = others.filter(({ plugin: { kind, name } }) =>
    [name, `${kind}/${name}`, `${KINDS[kind].folder}/${name}`].includes(specifier),
  );
  if (named.length > 0) return inTurn(named, (one) => checkRegistered(one, others, options));
  let all: readonly RegisteredPlugin[];
  try {
    all = await load([...plugins, specifier], baseDir);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    if (/no such package is installed/.test(error.message)) throw unknown(specifier, baseDir, others, error);
    const findings = createFindings();
    await findings.run("loads", "", () => fail(error.message, error.hint ?? "see docs/plugins.md"));
    return [reportOf(specifier, findings.list)];
  }
  const own = all.filter(({ from }) => from === specifier);
  return inTurn(own, (one) => checkRegistered(one, all, options));
}

function unknown(
  specifier: string,
  baseDir: string,
  others: readonly RegisteredPlugin[],
  cause: PluginError,
): DualtailError {
  const names = others.map(({ plugin }) => plugin.name);
  return new DualtailError(
    `"${specifier}" is no built-in plugin, and no package of that name is installed where ${baseDir} can see it`,
    { hint: `for a file or folder write ./${specifier}; ${suggest(specifier, names, "built in")}`, cause },
  );
}

async function inTurn<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await run(item));
  return results;
}

async function checkRegistered(
  registered: RegisteredPlugin,
  others: readonly RegisteredPlugin[],
  { options: given = {}, baseDir = process.cwd(), cacheDir, cost = true, edges = true }: CheckOptions,
): Promise<CheckReport> {
  const { plugin, from } = registered;
  const findings = createFindings();
  let registry: PluginRegistry | undefined;
  await findings.run("loads", "", () => {
    validateApiVersion((plugin as Versioned | undefined)?.apiVersion, from, "the object");
    validatePlugin(plugin, from);
    const rest = others.filter(({ plugin: { kind, name } }) => kind !== plugin.kind || name !== plugin.name);
    registry = createRegistry([...rest, { plugin, from }]);
    const count = Object.keys(plugin.options.properties).length;
    return ok(`schema valid and strict, ${count} ${count === 1 ? "option" : "options"}, defaults valid`);
  });
  if (registry === undefined) return reportOf(from, findings.list);
  for (const [option, schema] of Object.entries(plugin.options.properties)) {
    if (typeof schema.description === "string" && schema.description.trim() !== "") continue;
    await findings.run("schema", "", () =>
      note(`the option "${option}" has no description: forms and completions show it`),
    );
  }
  const variants = variantsOf(registry, plugin, given);
  if (variants === undefined) {
    await findings.run("options", "", () => describeGiven(registry!, plugin, given));
    return reportOf(from, findings.list, plugin);
  }
  const check = CHECKS[plugin.kind];
  const fresh = freshImport(registered) as CheckContext["fresh"];
  for (const [i, variant] of (edges ? variants : variants.slice(0, 1)).entries()) {
    const isDefault = i === 0;
    const context = { registry, baseDir, cacheDir, cost: cost && isDefault, isDefault };
    await check(plugin as never, variant, findings, { ...context, ...(fresh ? { fresh } : {}) });
  }
  return reportOf(from, findings.list, plugin);
}

function describeGiven(registry: PluginRegistry, { kind, name, options }: AnyPlugin, given: PluginOptions) {
  const checked = registry.checkOptions(kind, name, given);
  const [problem] = checked.ok ? [] : checked.problems;
  const what = problem ? `${problem.path.join(".")} ${problem.problem}`.trim() : "";
  const example = JSON.stringify(Object.fromEntries((options.required ?? []).map((key) => [key, "…"])));
  return fail(
    `it cannot be checked with ${JSON.stringify(given)}: ${what}`,
    `give options: dualtail check … --options '${example}', or \`examples\` in its schema`,
  );
}
