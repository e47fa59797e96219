import { DualtailError } from "../errors.ts";
import type { Graph, Value } from "../graph/index.ts";
import type { PeftPlugin, PeftSession, TowerInfo } from "../plugin-api/index.ts";
import type { LocateTensor } from "./frozen-weights.ts";
import type { paramCollector } from "./params.ts";
import { readWeight } from "./read-weight.ts";
import { type Adapt, type PromptAt, towerWeight, type Weights } from "./towers/index.ts";

/** A PEFT method with its validated options. */
export interface ChosenPeft {
  readonly plugin: PeftPlugin;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A tower's weights with what the methods make of them. */
export interface AdaptedTower {
  readonly weights: Weights;
  readonly adapt: Adapt;
  readonly promptAt: PromptAt;
}

/**
 * Methods applied together to one tower; `weights` are its frozen ones, `locate` says where they start from if they are
 * trained.
 * @throws DualtailError when two methods train the same weight, add tokens, or declare the same parameter
 */
export function applyPeft(
  g: Graph,
  peft: readonly ChosenPeft[],
  {
    tower,
    weights,
    locate,
    collector,
  }: {
    tower: TowerInfo;
    weights: Weights;
    locate?: LocateTensor | undefined;
    collector: ReturnType<typeof paramCollector>;
  },
): AdaptedTower {
  const declarers = new Map<string, string>();
  const methods = peft
    // Sorting is stable: equal orders stay as the user wrote them.
    .toSorted(({ plugin: a }, { plugin: b }) => (a.order ?? 0) - (b.order ?? 0))
    .map(({ plugin, options }) => {
      const declare: typeof collector.declare = (name, shape, init) => {
        const other = declarers.get(name);
        if (other !== undefined) throw conflict([other, plugin.name], `have a parameter "${name}"`);
        declarers.set(name, plugin.name);
        return collector.declare(name, shape, init);
      };
      return { name: plugin.name, session: plugin.begin(tower, declare, options) };
    });
  return {
    weights: trainedWeights(g, methods, { weights, locate, collector }),
    adapt: (site, input, output) =>
      methods.reduce((out, { session }) => session.apply?.(g, site, input, out) ?? out, output),
    promptAt: prompts(g, methods),
  };
}

interface BegunMethod {
  readonly name: string;
  readonly session: PeftSession;
}

function conflict(names: readonly string[], what: string): DualtailError {
  const [first, second] = names as [string, string];
  const who = first === second ? `"${first}" is listed twice and would` : `"${first}" and "${second}" both`;
  return new DualtailError(`peft: ${who} ${what}`, { hint: "leave one of them out" });
}

function prompts(g: Graph, methods: readonly BegunMethod[]): PromptAt {
  const prompting = methods.filter(({ session }) => session.prompt !== undefined);
  if (prompting.length > 1) {
    throw conflict(
      prompting.map(({ name }) => name),
      "add tokens",
    );
  }
  return (block) => prompting[0]?.session.prompt?.(g, block);
}

/** The frozen weights, except those that a method trains: they become parameters. */
function trainedWeights(
  g: Graph,
  methods: readonly BegunMethod[],
  {
    weights,
    locate,
    collector,
  }: {
    weights: Weights;
    locate?: LocateTensor | undefined;
    collector: ReturnType<typeof paramCollector>;
  },
): Weights {
  const training = methods.filter(({ session }) => session.trains !== undefined);
  const made = new Map<string, Value>();
  return (name, shape, view = shape) => {
    const weight = towerWeight(name, shape);
    const owners = training.filter(({ session }) => session.trains!(weight)).map((method) => method.name);
    if (owners.length === 0) return weights(name, shape, view);
    if (owners.length > 1) throw conflict(owners, `train the weight "${name}"`);
    if (locate === undefined) throw new TypeError(`"${owners[0]}" trains weights, so \`locate\` is needed`);
    const known = made.get(name) ?? collector.declareFrom(name, shape, () => readWeight(locate(name)));
    made.set(name, known);
    return g.reshape(known, view);
  };
}
