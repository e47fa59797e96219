import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DatasetContext } from "../../core/plugin-api/index.ts";
import { plugin as iconsLt } from "../../plugins/datasets/icons-lt/index.ts";
import { drawCorpus } from "../corpus/corpus.ts";
import { readPretrainPool } from "../corpus/pool.ts";
import { type PretrainOptions, pretrain } from "../pretrain/pretrain.ts";
import { type SweepTower, towerRecipe } from "./towers.ts";

/** Pre-trains the towers that are missing in `folder`; what is there already is kept. */
export async function buildTowers(
  wanted: readonly SweepTower[],
  folder: string,
  context: DatasetContext,
  options: PretrainOptions,
): Promise<void> {
  const missing = wanted.filter(({ name }) => !existsSync(join(folder, name, "pretraining.json")));
  if (missing.length === 0) return;
  const { classNames, train } = await iconsLt.load(context, {} as never);
  const counts = classNames.map(() => 0);
  for (const label of train.labels) counts[label]!++;
  const pool = await readPretrainPool(context);
  for (const tower of missing) {
    const building = join(folder, `.${tower.name}.building`);
    await rm(building, { recursive: true, force: true });
    await pretrain(drawCorpus(tower.name, pool, towerRecipe(tower, counts)), building, options);
    await rm(join(folder, tower.name), { recursive: true, force: true });
    await rename(building, join(folder, tower.name));
  }
}
