import { existsSync } from "node:fs";
import path from "node:path";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import { packageFolder } from "../package-info.ts";
import { type CompareFlags, compareCommand } from "./compare.ts";

/** Runs the comparison that comes with dualtail. */
export function demoCommand(host: Host, flags: CompareFlags): Promise<number> {
  const file = path.join(packageFolder(), "examples", "demo.yaml");
  if (!existsSync(file)) {
    throw new UsageError(`${file} is missing`, { hint: "run the demo in a clone of the repository" });
  }
  return compareCommand(host, file, flags);
}
