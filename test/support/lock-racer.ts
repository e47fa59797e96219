/**
 * Takes a lock again and again and dies with it each time, as far as others can see. Arguments: lock file, pid of a dead
 * process, ms. Prints how often it had it; exit code 1 when another had it, too.
 */
import { closeSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf, tokenOf } from "../../core/tracking/process-identity.ts";
import { tryProcessLock } from "../../core/tracking/process-lock.ts";

const [file, dead, ms] = process.argv.slice(2) as [string, string, string];
const inside = `${file}.inside`;
const until = Date.now() + Number(ms);
let turns = 0;
while (Date.now() < until) {
  const lock = await tryProcessLock(file);
  if ("holder" in lock) {
    await sleep(Math.random() * 2);
    continue;
  }
  // Fails where another is inside.
  closeSync(openSync(inside, "wx"));
  turns += 1;
  await sleep(Math.random() * 2);
  rmSync(inside);
  const left = `${file}.left-${process.pid}`;
  writeFileSync(left, tokenOf({ ...identityOf(process.pid), pid: Number(dead) }));
  renameSync(left, file);
}
console.log(turns);
