import { useCallback, useEffect, useRef, useState } from "react";
import { type Action, actionsFor, ask, type ListedRun, listRuns } from "./runs.ts";
import type { Server } from "./server.ts";

interface RunListProps {
  readonly server: Server;
  readonly experimentId: string;
  /** Changes when a request was sent: a reason to look at once. */
  readonly sent: number;
  readonly pageOf: (runId: string) => string;
  readonly onClone: (runId: string, name: string) => void;
  readonly announce: (text: string) => void;
}

const INTERVAL = 5000;

/** What is waiting, running and done, looked at every five seconds while the page is seen. */
export function RunList({ server, experimentId, sent, pageOf, onClone, announce }: RunListProps) {
  const [runs, setRuns] = useState<readonly ListedRun[]>();
  const [problem, setProblem] = useState("");
  const states = useRef(new Map<string, string>());

  const look = useCallback(async () => {
    try {
      const found = await listRuns(server, experimentId);
      const changes = found.filter(
        ({ id, state }) => states.current.has(id) && states.current.get(id) !== state,
      );
      states.current = new Map(found.map(({ id, state }) => [id, state]));
      if (changes.length) announce(changes.map(({ name, state }) => `${name} is now ${state}.`).join(" "));
      setRuns(found);
      setProblem("");
    } catch (error) {
      setProblem((error as Error).message);
    }
  }, [server, experimentId, announce]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `sent` is a reason to look again.
  useEffect(() => {
    void look();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void look();
    }, INTERVAL);
    return () => clearInterval(timer);
  }, [look, sent]);

  const act = async (run: ListedRun, action: Action) => {
    try {
      await ask(server, run.id, action);
      announce(`Asked to ${action} ${run.name}.`);
      await look();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };

  return (
    <section aria-labelledby="runs">
      <h2 id="runs">Queued, running, done</h2>
      {problem ? <p className="notice bad">{problem}</p> : null}
      {runs?.length === 0 ? <p>Nothing yet.</p> : null}
      <ul className="runs">
        {runs?.map((run) => (
          <li key={run.id}>
            <a href={pageOf(run.id)} target="_blank" rel="noreferrer">
              {run.name}
            </a>
            <span className={`state ${/^[a-z]+$/.test(run.state) ? run.state : ""}`}>{run.state}</span>
            {run.tags["dualtail.action"] ? <span>asked to {run.tags["dualtail.action"]}</span> : null}
            <span className="buttons">
              {actionsFor(run).map((action) => (
                <button
                  key={action}
                  type="button"
                  aria-label={`${capital(action)} ${run.name}`}
                  onClick={() => void act(run, action)}
                >
                  {capital(action)}
                </button>
              ))}
              <button
                type="button"
                aria-label={`Clone ${run.name}`}
                onClick={() => onClone(run.id, run.name)}
              >
                Clone
              </button>
            </span>
            {run.message ? <p className="description">{run.message}</p> : null}
          </li>
        ))}
      </ul>
    </section>
  );
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
