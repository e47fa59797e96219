import type { Fault, FaultyProxy } from "../../test/support/faulty-proxy.ts";
import { DEFAULT, type Spec } from "./spec.mts";

type Decide = FaultyProxy["fault"];

/** What is wrong with the server or the way to it while a process tracks. */
export interface ServerFault {
  readonly name: string;
  readonly title: string;
  readonly spec?: Partial<Spec>;
  /** `seconds` since the first request; `random` is seeded. */
  readonly decide: (at: { seconds(): number; random(): number }) => Decide;
  /** What the user must have been told, and nothing else. */
  readonly told?: readonly RegExp[];
  /** Points that the server must show when the process ends. */
  readonly shownAtExit?: number;
}

const artifact = (path: string) => path.includes("/mlflow-artifacts/");

/** This to all batches of the first run that sends one. */
const toBatchesOfOne = (fault: Fault): Decide => {
  let one: string | undefined;
  return ({ path, body }) => {
    if (!path.endsWith("log-batch")) return "pass";
    const { run_id } = JSON.parse(body) as { run_id: string };
    one ??= run_id;
    return run_id === one ? fault : "pass";
  };
};

const FIVE = { runs: 5, steps: 50 };
/** Points of its runs but one. */
const OF_FOUR = 4 * FIVE.steps * DEFAULT.keys;

/** From the first step to the last one of a default run, s. */
const LENGTH = (DEFAULT.runs * DEFAULT.steps * DEFAULT.stepMs) / 1000;

export const serverFaults: readonly ServerFault[] = [
  { name: "none", title: "no fault", decide: () => () => "pass", told: [] },
  { name: "down", title: "server down for the whole run, then `sync`", decide: () => () => "refuse" },
  {
    name: "late",
    title: `server down for the first ${LENGTH / 2} s`,
    decide: (at) => () => (at.seconds() < LENGTH / 2 ? "refuse" : "pass"),
  },
  {
    name: "flapping",
    title: "flapping: up for 1 s, down for 1 s",
    decide: (at) => () => (Math.floor(at.seconds()) % 2 === 1 ? "refuse" : "pass"),
  },
  {
    name: "errors",
    title: "500 as the answer to 30 % of all requests",
    decide: (at) => () => (at.random() < 0.3 ? 500 : "pass"),
  },
  {
    name: "lost-answers",
    title: "connection cut before the answer, 30 % of all requests",
    decide: (at) => () => (at.random() < 0.3 ? "lose" : "pass"),
  },
  { name: "slow", title: "10 s before every answer", decide: () => () => ({ delayMs: 10_000 }) },
  {
    name: "reset",
    title: "20 MB artifact, its upload cut after 5 MB, three times",
    spec: { artifacts: [20_000_000], runs: 1 },
    decide: () => {
      let cuts = 0;
      return ({ method, path }) =>
        method === "PUT" && artifact(path) && cuts++ < 3 ? { cutAfter: 5_000_000 } : "pass";
    },
  },
  {
    name: "endpoints",
    title: "no endpoints for datasets and logged models (404)",
    decide:
      () =>
      ({ path }) =>
        path.endsWith("log-inputs") || path.includes("logged-models") ? 404 : "pass",
    told: [/refused a dataset.*no endpoint/],
  },
  {
    name: "poison",
    title: "a param and a metric that the server refuses, in each of three runs",
    spec: { poison: true, runs: 3 },
    decide: () => () => "pass",
    told: [/refused a param/, /refused a metric/],
  },
  {
    name: "stuck",
    title: "500 for ever to the batches of one of five runs, then `sync`",
    spec: FIVE,
    decide: () => toBatchesOfOne(500),
    shownAtExit: OF_FOUR,
  },
  {
    name: "hang",
    title: "no answer to the batches of one of five runs, then `sync`",
    spec: FIVE,
    decide: () => toBatchesOfOne("hang"),
    told: [/events of 1 run are not on MLflow yet/],
    shownAtExit: OF_FOUR,
  },
  {
    name: "hanging-artifacts",
    title: "no answer to any upload of five runs, then `sync`",
    spec: FIVE,
    decide:
      () =>
      ({ method, path }) =>
        method === "PUT" && artifact(path) ? "hang" : "pass",
    told: [/events of 5 runs are not on MLflow yet/],
    shownAtExit: OF_FOUR + OF_FOUR / 4,
  },
];
