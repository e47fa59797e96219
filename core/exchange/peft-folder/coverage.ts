import { ConfigError, FileError } from "../../errors.ts";
import { blockTensors } from "../../models/towers/index.ts";
import type { BlockModule } from "../../plugin-api/index.ts";
import type { AdapterConfig } from "./adapter-config.ts";
import type { AdapterFiles, ModuleTensor } from "./format.ts";
import { suffixOf } from "./names.ts";

/** What an adapter covers: these modules in blocks from ≤ i < to. */
export interface Coverage {
  readonly modules: readonly BlockModule[];
  readonly from: number;
  readonly to: number;
}

/** Modules in the order of a block, and the range of blocks that have any. */
export function coverageOf(tensors: readonly ModuleTensor[]): Coverage {
  const present = new Set(tensors.map(({ module }) => module));
  const blocks = tensors.map(({ block }) => block);
  return {
    modules: (Object.keys(blockTensors) as BlockModule[]).filter((module) => present.has(module)),
    from: Math.min(...blocks),
    to: Math.max(...blocks) + 1,
  };
}

/**
 * Every block of an adapter must have the same modules, and every module the same tensors; what the config says is
 * adapted must be there.
 * @param layers of the base model, where they are known
 * @throws FileError listing what is missing; ConfigError for a config that speaks of other modules
 */
export function checkCoverage(
  tensors: readonly ModuleTensor[],
  config: AdapterConfig,
  files: AdapterFiles,
  { parts, layers }: { readonly parts: readonly string[]; readonly layers: number | undefined },
): void {
  const coverage = coverageOf(tensors);
  const listed = targetsOf(config);
  const stray = listed?.filter((target) => !coverage.modules.some((module) => isTarget(module, target)));
  if (stray && stray.length > 0) {
    throw new ConfigError("/target_modules", `the weights hold nothing for ${stray.join(", ")}`, {
      source: files.config,
      hint: "adapter_config.json and the weights must belong together",
    });
  }
  const blocks = expectedBlocks(coverage, config, layers);
  const present = new Set(tensors.map((tensor) => `${suffixOf(tensor)}.${tensor.tensor}`));
  const missing = blocks.flatMap((block) =>
    coverage.modules.flatMap((module) =>
      parts.map((part) => `${suffixOf({ block, module })}.${part}`).filter((name) => !present.has(name)),
    ),
  );
  if (missing.length > 0) {
    throw new FileError(files.weights, `lacks ${listing(missing)}`, {
      hint: "every block from the first to the last must have the same modules adapted",
    });
  }
}

/** Plain names only: a regular expression, or names with a path, are not worth taking apart. */
function targetsOf({
  target_modules: targets,
  exclude_modules: excluded,
}: AdapterConfig): string[] | undefined {
  if (!Array.isArray(targets) || (excluded !== null && excluded !== undefined)) return undefined;
  return (targets as string[]).filter((target) => !target.includes("."));
}

const isTarget = (module: BlockModule, target: string): boolean =>
  blockTensors[module].split(".").at(-1) === target;

function expectedBlocks(
  { from, to }: Coverage,
  { layers_to_transform: listed, target_modules: targets, exclude_modules: excluded }: AdapterConfig,
  layers: number | undefined,
): number[] {
  if (listed !== null && listed !== undefined) return typeof listed === "number" ? [listed] : [...listed];
  const plain =
    Array.isArray(targets) && !targets.some((target: string) => target.includes(".")) && !excluded?.length;
  const [first, end] = plain && layers !== undefined ? [0, layers] : [from, to];
  return Array.from({ length: end - first }, (_, i) => first + i);
}

/** The first few of many names. */
export const listing = (names: readonly string[], shown = 6): string =>
  names.slice(0, shown).join(", ") + (names.length > shown ? ` and ${names.length - shown} more` : "");
