import { fillTemplate } from "./fill-template.ts";
import { requestSchema } from "./request-schema.ts";
import { readTemplate } from "./template.ts";
import type { LaunchPageData } from "./types.ts";

export { lossOffer, type OfferedLoss } from "./loss-offers.ts";
export type { LaunchPageData, LossOffer, Timing } from "./types.ts";

/**
 * The form that asks a watcher for comparisons, as one HTML file that loads nothing: launch.html among an experiment's
 * artifacts, or what `dualtail serve --http` answers with.
 * @throws FileError when the page has not been built
 */
export async function launchPage(data: LaunchPageData): Promise<string> {
  const schema = requestSchema(data.schema, data.offers, data.limits);
  return fillTemplate(await readTemplate(), { ...data, schema });
}
