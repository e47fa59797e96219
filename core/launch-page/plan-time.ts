import { countTrainings } from "./plan-size.ts";
import type { JsonObject, LaunchOffers, Timing } from "./types.ts";

export interface PlanTime {
  readonly seconds: number;
  /** How many finished trainings it goes by. */
  readonly trainings: number;
}

/**
 * How long a request's trainings will take, going by what trainings of the same data and models on the same device took
 * per epoch. A joint one counts as one of each of its backbones. Undefined where one of them was never trained, and where
 * nothing is.
 * @param usualEpochs of a config that says none
 */
export function planTime(
  config: JsonObject,
  offers: LaunchOffers,
  { timings, usualEpochs }: { readonly timings: readonly Timing[]; readonly usualEpochs: number },
): PlanTime | undefined {
  const { dataset, backbones, train, device = offers.devices[0] } = config;
  const epochs = Number((train as JsonObject | undefined)?.epochs ?? usualEpochs);
  const names = (Array.isArray(backbones) ? backbones : []).map(nameOf);
  const timingOf = (backbone: unknown) =>
    timings.find(
      (one) => one.dataset === nameOf(dataset) && one.backbone === backbone && one.device === device,
    );
  const used = countTrainings(config, offers).trainings.flatMap(({ count, places }) =>
    places.map((place) => ({ count, timing: timingOf(names[place]) })),
  );
  const known = used.flatMap(({ count, timing }) => (timing ? [{ count, timing }] : []));
  const perEpoch = known.reduce((sum, { count, timing }) => sum + count * timing.secondsPerEpoch, 0);
  const seconds = epochs * perEpoch;
  if (known.length === 0 || known.length < used.length || !(seconds > 0)) return undefined;
  const sources = new Set(known.map(({ timing }) => timing));
  return { seconds, trainings: [...sources].reduce((sum, { trainings }) => sum + trainings, 0) };
}

const nameOf = (choice: unknown): unknown =>
  typeof choice === "object" && choice !== null && "use" in choice ? choice.use : choice;
