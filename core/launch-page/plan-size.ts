import type { PlanTime } from "./plan-time.ts";
import type { JsonObject, LaunchOffers, LossForm, LossOffer } from "./types.ts";

export interface PlanSize {
  /** Trainings, each counted once however many rows use it; a joint one counts as one. */
  readonly trainings: number;
  /** Trainings, a joint one counted once per backbone: what time goes with. */
  readonly work: number;
  /** Rows of the comparison's table that the losses ask for; those of zero-shot and of bases come with them. */
  readonly rows: number;
}

/** Trainings that differ by their seeds alone. */
export interface Trainings {
  /** How many. */
  readonly count: number;
  /** The places of their backbones in the config's list: several for joint ones. */
  readonly places: readonly number[];
}

/**
 * How much a request's config asks for. Losses are known by what the watcher says of them, so that none is named here.
 * Pure, and the same on both sides of the wire.
 * @param config as the form has it: choices are names or `{ use, …options }`
 */
export function planSize(config: JsonObject, offers: LaunchOffers): PlanSize {
  const { trainings, rows } = countTrainings(config, offers);
  const sum = (of: (trainings: Trainings) => number) => trainings.reduce((total, one) => total + of(one), 0);
  return {
    trainings: sum(({ count }) => count),
    work: sum(({ count, places }) => count * places.length),
    rows,
  };
}

/**
 * Every training once. Counted, not listed: while someone types, or clones what someone else asked for, a number of runs
 * can be any.
 */
export function countTrainings(
  config: JsonObject,
  offers: LaunchOffers,
): { readonly trainings: readonly Trainings[]; readonly rows: number } {
  const seeds = new Set(listOf(config.seeds).map(Number)).size || 1;
  const backbones = listOf(config.backbones).map((backbone) => JSON.stringify(backbone));
  const places = new Map(backbones.map((backbone, place) => [backbone, place]));
  const trainings = new Map<string, Trainings>();
  let rows = 0;
  /** Losses that train the same share it: of each seed as many runs as the one has that takes most. */
  const train = (content: string, runs: number, own: readonly number[]) => {
    const count = seeds * Math.max(0, Math.ceil(runs));
    const known = trainings.get(content)?.count ?? 0;
    trainings.set(content, { count: Math.max(known, count), places: own });
  };

  for (const loss of listOf(config.losses).map(asChoice)) {
    const form = formOf(loss, offers);
    const over = form.mode === "single" ? "one" : (form.over ?? "backbones");
    const perSeed = over === "backbones" ? Math.min(1, backbones.length) : backbones.length;
    const trainsNothing = form.mode === "post-hoc" && form.base === undefined;
    rows += perSeed * (trainsNothing ? 1 : seeds);
    if (trainsNothing) continue;
    const content = contentOf(form.base ? { ...form.base.options, use: form.base.use } : loss, offers);
    if (form.mode === "joint") {
      if (backbones.length) train(`${content} all`, 1, [...backbones.keys()]);
      continue;
    }
    const runs = over === "seeds" ? (form.runs ?? Math.max(2, backbones.length)) : 1;
    for (const [backbone, place] of places) train(`${content} ${backbone}`, runs, [place]);
  }
  return { trainings: [...trainings.values()], rows };
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** The plan's size in words, with its estimated time where one is known. */
export function describeSize({ trainings, work, rows }: PlanSize, time?: PlanTime): string {
  const joint = work > trainings ? `, as much work as ${plural(work, "model")} alone` : "";
  const size = `Trains ${plural(trainings, "model")}${joint}, for the ${plural(rows, "row")} asked for.`;
  if (time === undefined) return size;
  return `${size} About ${duration(time.seconds)}, going by ${plural(time.trainings, "finished training")}.`;
}

/** @param seconds 0 or more */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function offerOf({ use }: JsonObject, { losses }: LaunchOffers): LossOffer | undefined {
  const offer = losses.find((one) => (typeof one === "string" ? one : one.name) === use);
  return typeof offer === "string" ? undefined : offer;
}

function formOf(loss: JsonObject, offers: LaunchOffers): LossForm {
  const forms = offerOf(loss, offers)?.forms ?? [];
  const fits = ({ when = {} }: LossForm) =>
    Object.entries(when).every(([option, value]) => loss[option] === value);
  const form = forms.find(fits);
  return form ? following(form, loss) : { mode: "single" };
}

/** A base's option of the same name as one of the loss follows it: what a user sets on `backdoor` goes to its base. */
function following(form: LossForm, loss: JsonObject): LossForm {
  if (!form.base) return form;
  const options = Object.entries(form.base.options).map(([name, value]) => [
    name,
    name in loss ? loss[name] : value,
  ]);
  const runs = typeof loss.runs === "number" ? loss.runs : form.runs;
  return { ...form, runs, base: { use: form.base.use, options: Object.fromEntries(options) } };
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const asChoice = (value: unknown): JsonObject =>
  typeof value === "string" ? { use: value } : ((value ?? {}) as JsonObject);

/** What tells a loss's trainings from another's: its name and all options, in any order; a label changes nothing. */
function contentOf({ label: _label, ...loss }: JsonObject, offers: LaunchOffers): string {
  const complete = { ...offerOf(loss, offers)?.defaults, ...loss };
  return JSON.stringify(Object.entries(complete).sort(([a], [b]) => (a < b ? -1 : 1)));
}
