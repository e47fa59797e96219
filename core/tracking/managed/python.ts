import { NoPythonError } from "../errors.ts";
import { runCommand } from "./run-command.ts";

export interface Python {
  /** Absolute path of the interpreter. */
  readonly executable: string;
  /** E.g. "3.11". */
  readonly version: string;
}

/** Oldest Python that the pinned MLflow runs on. */
const MINIMUM = [3, 10] as const;

const CANDIDATES =
  process.platform === "win32"
    ? ["python", "python3", "py"]
    : ["python3", "python", "python3.13", "python3.12", "python3.11", "python3.10"];

/** `ensurepip` is what Debian and Ubuntu split off into python3-venv. */
const PROBE = `import sys, importlib.util as u, json; print(json.dumps([sys.version_info[0], sys.version_info[1], sys.executable, bool(u.find_spec("venv") and u.find_spec("ensurepip"))]))`;

/** The first Python on PATH that can make a virtual environment for MLflow. @throws NoPythonError */
export async function findPython(env: NodeJS.ProcessEnv): Promise<Python> {
  const tooOld = new Set<string>();
  const withoutVenv = new Set<string>();
  for (const candidate of CANDIDATES) {
    const { code, stdout } = await runCommand(candidate, ["-c", PROBE], { env, timeoutMs: 20_000 });
    if (code !== 0) continue;
    const [major, minor, executable, hasVenv] = JSON.parse(stdout) as [number, number, string, boolean];
    const version = `${major}.${minor}`;
    if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) tooOld.add(version);
    else if (hasVenv) return { executable, version };
    else withoutVenv.add(version);
  }
  const minimum = MINIMUM.join(".");
  const [incomplete] = withoutVenv;
  if (incomplete) {
    throw new NoPythonError(
      `Python ${incomplete} is here, but without the module that makes virtual environments`,
      {
        hint: `install it (Debian, Ubuntu: sudo apt install python${incomplete}-venv), or put an mlflow on PATH`,
      },
    );
  }
  const found =
    tooOld.size > 0 ? `only Python ${[...tooOld].join(", ")} is on PATH` : "there is no Python on PATH";
  throw new NoPythonError(`${found}, so no MLflow server can be started`, {
    hint: `install Python ${minimum} or newer, or set MLFLOW_TRACKING_URI to a server`,
  });
}
