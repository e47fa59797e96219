import { DualtailError, describeError } from "../errors.ts";
import { MlflowError, type Run } from "../mlflow-js-client/index.ts";
import { shortened } from "../tracking/mlflow-tags.ts";
import { answer, endRun, takeTag } from "./answer.ts";
import type { ServeContext } from "./context.ts";
import { RefusedError } from "./errors.ts";
import { type KeptRequest, keepRequest, keptRequest } from "./kept-request.ts";
import { queueLimit } from "./limits.ts";
import { tellOwed } from "./owed.ts";
import { isRunId } from "./requests.ts";
import { submitRequest } from "./submit.ts";
import { TAGS } from "./tags.ts";
import type { Worker } from "./worker.ts";

/** Does it to a comparison's parent run. @returns what to tell first, and what is left to do then */
type Action = (context: ServeContext, worker: Worker, parent: Run) => Promise<Effect>;

interface Effect {
  readonly message: string;
  readonly state?: "queued" | "killed";
  readonly effect?: () => Promise<void> | void;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  async stop(context, worker, { info }) {
    const { client, outputDir, queue } = context;
    const { runId } = info;
    const find = () => queue.entries.find((entry) => entry.runId === runId);
    const waiting = find();
    if (waiting === undefined && info.status === "SCHEDULED") {
      await endRun(client, runId, "KILLED");
      return { message: "taken back", state: "killed" };
    }
    // So that it can be resumed.
    if (waiting?.state === "queued") await keepRequest(outputDir, waiting);
    // It may have begun or ended meanwhile.
    const entry = find();
    if (entry === undefined) throw new RefusedError("it neither waits nor runs here");
    if (entry.state === "running") {
      await queue.change(entry.id, { stopping: true });
      return { message: "stopping at the next step", effect: () => worker.stop(entry.id) };
    }
    const told = { message: "taken out of the queue", state: "killed" } as const;
    await queue.remove(entry.id, { ...told, runId, end: "KILLED" });
    return { ...told, effect: () => tellOwed(context) };
  },

  async resume(context, _worker, parent) {
    const { config, queue } = context;
    if (queue.entries.some(({ runId }) => runId === parent.info.runId)) {
      throw new RefusedError("it waits or runs already");
    }
    if (parent.info.status === "FINISHED") {
      throw new RefusedError("it has finished", { hint: "rerun runs it anew" });
    }
    const kept = await keptOf(context, parent);
    const limit = queueLimit(config.limits, queue, kept.requester);
    if (limit !== undefined) throw new RefusedError(limit);
    await queue.add({ ...kept, state: "queued", attempts: 0 });
    return { message: "queued, to go on where it stopped", state: "queued" };
  },

  async rerun(context, _worker, parent) {
    const { experimentId, requester, request } = await keptOf(context, parent);
    const runId = await submitRequest(context.client, {
      experimentId,
      requester,
      request: { ...request, rerun: true },
    });
    return { message: `asked for anew as run ${runId}` };
  },
};

/**
 * Does what the tag `dualtail.action` of a run asks for, and answers in a tag. On a nested run it is its comparison that
 * is meant. @throws MlflowError
 */
export async function act(context: ServeContext, worker: Worker, run: Run): Promise<void> {
  const { client } = context;
  const { runId } = run.info;
  const asked = run.tags[TAGS.action]!.trim().toLowerCase();
  // First of all: what is done twice is worse than what has to be asked for twice.
  await takeTag(client, runId, TAGS.action);
  try {
    const action = Object.hasOwn(ACTIONS, asked) ? ACTIONS[asked] : undefined;
    if (action === undefined) {
      throw new RefusedError(`there is no action "${shortened(asked, 50)}"`, {
        hint: `there are: ${Object.keys(ACTIONS).join(", ")}`,
      });
    }
    const parent = await comparisonOf(context, run);
    const { effect, ...told } = await action(context, worker, parent);
    await answer(client, parent.info.runId, told);
    if (parent !== run) await answer(client, runId, { message: `its comparison: ${told.message}` });
    await effect?.();
  } catch (error) {
    if (!(error instanceof DualtailError)) throw error;
    await answer(client, runId, { message: `${shortened(asked, 50)}: ${describeError(error)}` });
  }
}

/** The run itself, or for a nested run its parent. @throws RefusedError, MlflowError */
async function comparisonOf({ client }: ServeContext, run: Run): Promise<Run> {
  const parentId = run.tags[TAGS.parent];
  if (parentId === undefined) return run;
  const parent = await client.runs.get(parentId).catch((error: unknown) => {
    if (error instanceof MlflowError && !error.transient) return undefined;
    throw error;
  });
  if (parent?.tags[TAGS.watch] === "1" && parent.info.experimentId === run.info.experimentId) return parent;
  throw new RefusedError("its comparison is not one that is watched here");
}

/** @throws RefusedError for a comparison that was not begun here */
async function keptOf({ outputDir }: ServeContext, { info, tags }: Run): Promise<KeptRequest> {
  const id = tags[TAGS.runId];
  const kept = isRunId(id) ? await keptRequest(outputDir, id) : undefined;
  if (kept?.runId === info.runId) return kept;
  throw new RefusedError("it was not run by this server", {
    hint: "use the command line where it was run: dualtail compare --resume or --rerun",
  });
}
