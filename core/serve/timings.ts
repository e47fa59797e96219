import { median } from "simple-statistics";
import type { PluginChoice } from "../comparison/config/index.ts";
import { flatten } from "../comparison/execute/params.ts";
import type { Timing } from "../launch-page/index.ts";
import type { Run } from "../mlflow-js-client/index.ts";
import type { ServeContext } from "./context.ts";

/** Newest finished trainings that are looked at. */
const MOST = 200;

/**
 * What an experiment's finished trainings of what the server offers took, from their runs: the form's estimate.
 * @throws MlflowError
 */
export async function timingsOf(
  { client, config }: Pick<ServeContext, "client" | "config">,
  experimentId: string,
): Promise<Timing[]> {
  const { items } = await client.runs.search({
    experimentIds: [experimentId],
    filter: "tags.`dualtail.kind` = 'single' and attributes.status = 'FINISHED'",
    orderBy: ["attributes.start_time DESC"],
    maxResults: MOST,
  });
  return Object.entries(config.datasets).flatMap(([dataset, data]) =>
    Object.entries(config.backbones).flatMap(([backbone, model]) => {
      const own = items.filter(
        ({ params }) =>
          params.dataset === data.use &&
          hasParams(params, flatten(data.options, "dataset")) &&
          params.backbone === labelOf(backbone, model) &&
          hasParams(params, flatten(model.options, "backbone")),
      );
      return config.allow.device.flatMap((device): Timing[] => {
        const seconds = own.filter(({ params }) => params.device === device).flatMap(secondsPerEpoch);
        if (seconds.length === 0) return [];
        return [{ dataset, backbone, device, secondsPerEpoch: median(seconds), trainings: seconds.length }];
      });
    }),
  );
}

/** As resolve-request.ts labels it where a request does not. */
const labelOf = (name: string, { label, use }: PluginChoice): string => label ?? (name === use ? use : name);

const hasParams = (params: Run["params"], wanted: Readonly<Record<string, string | number | boolean>>) =>
  Object.entries(wanted).every(([name, value]) => params[name] === String(value));

function secondsPerEpoch({ info, params }: Run): number[] {
  const epochs = Number(params["train.epochs"]);
  const seconds = ((info.endTime ?? Number.NaN) - info.startTime) / 1000;
  return epochs > 0 && seconds > 0 ? [seconds / epochs] : [];
}
