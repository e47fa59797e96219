import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks of /proc, 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * Milliseconds of CPU that a process and its children, as long as they run, have used: what other load on the machine
 * changes less than the time on the clock. NaN where there is no /proc.
 */
export function cpuTime(root: number): number {
  const processes = new Map<number, { readonly parent: number; readonly ms: number }>();
  for (const entry of folders()) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat) processes.set(pid, stat);
  }
  if (!processes.has(root)) return Number.NaN;
  const belongs = (pid: number): boolean => {
    if (pid === root) return true;
    const parent = processes.get(pid)?.parent;
    return parent !== undefined && belongs(parent);
  };
  return [...processes].reduce((sum, [pid, { ms }]) => (belongs(pid) ? sum + ms : sum), 0);
}

function folders(): readonly string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return [];
  }
}

/** Undefined for a process that has just ended. */
function statOf(pid: number): { readonly parent: number; readonly ms: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(fields[1]), ms: (Number(fields[11]) + Number(fields[12])) * TICK_MS };
  } catch {
    return undefined;
  }
}
