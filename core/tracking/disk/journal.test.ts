import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { openJournal, type RunEvent, readJournal } from "./journal.ts";

/** What file handles have in common. */
async function handles(file: string) {
  const handle = await open(file, "a");
  await handle.close();
  return Object.getPrototypeOf(handle) as { sync(): Promise<void> };
}

const metric = (step: number): RunEvent => ({
  type: "metrics",
  points: [{ key: "loss", value: 1, step, timestamp: 1 }],
});
const failure = () => Promise.reject(Object.assign(new Error("bad sector"), { code: "EIO" }));

async function journalOf() {
  const folder = await temporaryFolder();
  const file = join(folder, "events.jsonl");
  const journal = await openJournal(file, 0);
  const sync = vi.spyOn(await handles(join(folder, "other")), "sync");
  onTestFinished(() => sync.mockRestore());
  const written = async () => {
    const steps: number[] = [];
    for await (const { event } of readJournal(file))
      if (event.type === "metrics") steps.push(...event.points.map(({ step }) => step));
    return steps;
  };
  return { journal, sync, written };
}

it.each(["append", "flush"] as const)(
  "tells the next %s what the disk said when nobody waited for it",
  async (next) => {
    const { journal, sync, written } = await journalOf();
    // The system says it once; a second question is answered well.
    sync.mockImplementationOnce(failure);
    await journal.append(metric(0), { edge: false });
    await vi.waitFor(() => expect(sync.mock.results[0]).toMatchObject({ type: "return" }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const asked = () => (next === "flush" ? journal.flush() : journal.append(metric(1), { edge: false }));
    await expect(asked()).rejects.toMatchObject({ name: "FileError", cause: { code: "EIO" } });
    // Nothing of what failed was written, so that it can be said again.
    expect(await written()).toEqual([0]);
    await asked();
    await journal.close();
    expect(await written()).toEqual(next === "flush" ? [0] : [0, 1]);
  },
);

it("is closed also where its last lines cannot be forced to the disk", async () => {
  const { journal, sync } = await journalOf();
  await journal.append(metric(0));
  sync.mockImplementationOnce(failure);
  await expect(journal.close()).rejects.toThrow(/EIO/);
  await expect(journal.append(metric(1))).rejects.toThrow();
});
