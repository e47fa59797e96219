import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The commit of the folder the comparison runs in, for MLflow's source tags; empty outside a git checkout. */
export async function gitTags(folder: string): Promise<Record<string, string>> {
  const git = async (...args: string[]) => (await run("git", args, { cwd: folder })).stdout.trim();
  try {
    const commit = await git("rev-parse", "HEAD");
    const dirty = (await git("status", "--porcelain")) !== "";
    return { "mlflow.source.git.commit": commit, "dualtail.git.dirty": String(dirty) };
  } catch {
    // No git, or no checkout: there is nothing to record.
    return {};
  }
}
