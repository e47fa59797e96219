import { createAjv } from "../../core/container/schema/ajv.ts";
import { explain } from "../../core/container/schema/explain.ts";
import type { ChosenPeft } from "../../core/models/classifier.ts";
import type { PeftPlugin } from "../../core/plugin-api/index.ts";

/** A method as a configuration names it. */
export interface PeftChoice {
  readonly use: string;
  readonly [option: string]: unknown;
}

/** A built-in PEFT method with its options checked and their defaults filled in, without loading any other plugin. */
export async function choosePeft({ use, ...given }: PeftChoice): Promise<ChosenPeft> {
  const { plugin } = (await import(`../../plugins/peft/${use}/index.ts`)) as { plugin: PeftPlugin };
  const options = structuredClone(given) as Record<string, unknown>;
  const validate = createAjv({ fillDefaults: true }).compile(plugin.options);
  if (!validate(options))
    throw new Error(
      `${use}: ${JSON.stringify(explain(validate.errors ?? []).map(({ problem }) => problem))}`,
    );
  return { plugin, options };
}

export const choosePefts = (choices: readonly PeftChoice[]): Promise<ChosenPeft[]> =>
  Promise.all(choices.map(choosePeft));
