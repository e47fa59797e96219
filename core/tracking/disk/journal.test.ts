import { writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { openJournal, type RunEvent, readJournal } from "./journal.ts";

// What a disk does that fills up in the middle of a line cannot be had without one.
vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  return { ...real, writeSync: vi.fn(real.writeSync) };
});
const write = vi.mocked(writeSync);

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

it("writes at once what is no edge, where nothing is in the way", async () => {
  const { journal, sync, written } = await journalOf();
  expect(journal.appendNow(metric(0))).toBe(true);
  expect(await written()).toEqual([0]);
  // Behind an edge that is under way it has to wait for its turn.
  const edge = journal.append(metric(1));
  expect(journal.appendNow(metric(2))).toBe(false);
  await edge;
  await vi.waitFor(() => expect(journal.appendNow(metric(2))).toBe(true));
  // What the disk said when nobody waited for it is for `append` to tell.
  sync.mockImplementationOnce(failure);
  await expect(journal.append(metric(3))).rejects.toThrow(/EIO/);
  await journal.close();
  expect(journal.appendNow(metric(4))).toBe(false);
  expect(await written()).toEqual([0, 1, 2, 3]);
});

it("keeps values that JSON does not have, and those that look like its marks", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "events.jsonl");
  const journal = await openJournal(file, 0);
  const point = (key: string, value: number) => ({ key, value, step: 0, timestamp: 1 });
  const events: RunEvent[] = [
    { type: "metrics", points: [point("a", Number.NaN), point("b", 1e-300), point("null", 2)] },
    { type: "metrics", points: [point('{"number":', Number.NEGATIVE_INFINITY)] },
    { type: "params", params: { text: '{"number":"1"}', nothing: "null", ключ: "значение 🙂" } },
    { type: "tags", tags: { value: '{"number":"Infinity"}' } },
  ];
  for (const event of events) if (!journal.appendNow(event)) await journal.append(event);
  const end = await journal.flush();
  await journal.close();
  const read = [];
  for await (const entry of readJournal(file)) read.push(entry);
  expect(read.map(({ event }) => event)).toEqual(events);
  expect(read.at(-1)!.end).toBe(end);
});

it("leaves no part of a line, however the disk takes it", async () => {
  const { journal, written } = await journalOf();
  const real = write.getMockImplementation()! as unknown as (fd: number, bytes: Buffer) => number;
  const part = (fd: number, text: unknown) => real(fd, Buffer.from(text as string).subarray(0, 10));
  // In two parts.
  write.mockImplementationOnce(part);
  expect(journal.appendNow(metric(0))).toBe(true);
  // In part, and then it is full: what was taken is cut off before the next line.
  write.mockImplementationOnce((fd: number, text: unknown) => {
    part(fd, text);
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  });
  expect(journal.appendNow(metric(1))).toBe(false);
  expect(journal.appendNow(metric(1))).toBe(false);
  await journal.append(metric(1), { edge: false });
  await vi.waitFor(() => expect(journal.appendNow(metric(2))).toBe(true));
  const end = await journal.flush();
  await journal.close();
  expect(await written()).toEqual([0, 1, 2]);
  expect(end).toBe(3 * Buffer.byteLength(`${JSON.stringify(metric(0))}\n`));
});
