import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReporter } from "./cli-reporter.ts";
import { describeEnd, describeProgress, formatRate, formatSeconds } from "./rate.ts";

/** A stream that keeps what is written, as a terminal of a fixed size or as a pipe. */
function screen(isTTY: boolean) {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  let text = "";
  (stream as unknown as PassThrough).on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  Object.assign(stream, { isTTY, columns: 160, rows: 24 });
  // cli-progress moves the cursor with the methods of a terminal's stream.
  Object.assign(stream, { cursorTo: () => true, moveCursor: () => true, clearLine: () => true });
  return { stream, text: () => text, lines: () => text.split("\n").slice(0, -1) };
}

function fakeClock() {
  let now = 1_000_000;
  return { now: () => now, pass: (seconds: number) => (now += seconds * 1000) };
}

describe("plain lines", () => {
  it("tells the start, about every tenth, and the end", () => {
    const out = screen(false);
    const clock = fakeClock();
    const stage = createReporter({ quiet: false, stream: out.stream, clock, env: {} }).stage(
      "features",
      1000,
      "images",
    );
    for (let i = 0; i < 100; i++) {
      clock.pass(0.5);
      stage.advance(10);
    }
    stage.done("cached");
    const lines = out.lines();
    expect(lines[0]).toBe("features: 1000 images");
    expect(lines[1]).toBe("features: 100/1000 images (10 %), 20.0 images/s, ETA 45 s");
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe("features: done, 1000 images in 50 s (20.0 images/s); cached");
  });

  it("is not silent for longer than ten seconds, nor chatty in fast work", () => {
    const out = screen(false);
    const clock = fakeClock();
    const reporter = createReporter({ quiet: false, stream: out.stream, clock, env: {} });
    const slow = reporter.stage("slow", 100_000, "steps");
    for (let i = 0; i < 30; i++) {
      clock.pass(1);
      slow.advance(1);
    }
    expect(
      out
        .lines()
        .slice(1)
        .map((line) => line.split(" ")[1]),
    ).toEqual(["10/100000", "20/100000", "30/100000"]);
    const fast = reporter.stage("fast", 10, "steps");
    for (let i = 0; i < 10; i++) {
      clock.pass(0.05);
      fast.advance(1);
    }
    fast.done();
    fast.done();
    fast.advance(5);
    expect(out.lines().filter((line) => line.startsWith("fast"))).toEqual([
      "fast: 10 steps",
      "fast: done, 10 steps in 0.5 s (20.0 steps/s)",
    ]);
  });

  it("is also chosen on a terminal in CI, without escape codes", () => {
    const out = screen(true);
    const reporter = createReporter({ quiet: false, stream: out.stream, env: { CI: "true" } });
    reporter.stage("x", 1, "images").done();
    reporter.warn("look");
    expect(out.lines().at(-1)).toBe("warning: look");
    expect(out.text()).not.toContain("\u001b");
  });
});

describe("quiet", () => {
  it("shows warnings only", () => {
    const out = screen(true);
    const reporter = createReporter({ quiet: true, stream: out.stream, env: {} });
    const stage = reporter.stage("x", 1, "images");
    stage.advance(1);
    stage.done("note");
    reporter.line("hello");
    reporter.warn("look");
    expect(out.text()).toBe("warning: look\n");
  });
});

describe("bars", () => {
  it("draws a bar per stage, keeps lines above, and leaves a summary", async () => {
    const out = screen(true);
    const clock = fakeClock();
    const reporter = createReporter({ quiet: false, stream: out.stream, clock, env: { NO_COLOR: "1" } });
    const images = reporter.stage("decoding", 200, "images");
    const steps = reporter.stage("training", 50, "steps");
    clock.pass(2);
    images.advance(100);
    steps.advance(5);
    reporter.line("a line meanwhile");
    await new Promise((done) => setTimeout(done, 300));
    expect(out.text()).toMatch(/decoding +█+░+ 100\/200 images \(50 %\), 50\.0 images\/s, ETA 2\.0 s/);
    expect(out.text()).toMatch(/training +█+░+ 5\/50 steps \(10 %\)/);
    expect(out.text()).toContain("a line meanwhile");
    images.advance(100);
    images.done();
    steps.done("stopped early");
    expect(out.text()).toContain("✓ decoding: 200 images in 2.0 s (100 images/s)");
    expect(out.lines().at(-1)).toContain("✓ training: 5 steps in 2.0 s (2.50 steps/s); stopped early");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of control characters.
    expect(out.text()).not.toMatch(/\u001b\[\d+m/);
    const drawn = out.text().length;
    await new Promise((done) => setTimeout(done, 200));
    expect(out.text()).toHaveLength(drawn);
    reporter.stage("next", 10, "images").done();
    reporter.close();
    expect(out.text()).toContain("✓ next");
  });

  it("can be taken off the screen with work under way", async () => {
    const out = screen(true);
    const reporter = createReporter({ quiet: false, stream: out.stream, env: {} });
    const stage = reporter.stage("training", 50, "steps");
    reporter.close();
    const drawn = out.text().length;
    stage.advance(1);
    await new Promise((done) => setTimeout(done, 200));
    expect(out.text()).toHaveLength(drawn);
    stage.done();
    expect(out.lines().at(-1)).toContain("training: 1 steps");
  });
});

describe("rates", () => {
  it("reads well", () => {
    expect([0.04, 9.94, 9.96, 59.4, 59.6, 125, 4020].map(formatSeconds)).toEqual([
      "0.0 s",
      "9.9 s",
      "10 s",
      "59 s",
      "1 min 00 s",
      "2 min 05 s",
      "1 h 07 min",
    ]);
    expect([0.123, 9.99, 9.999, 99.94, 375.2, Number.POSITIVE_INFINITY].map(formatRate)).toEqual([
      "0.12",
      "9.99",
      "10.0",
      "99.9",
      "375",
      "–",
    ]);
  });

  it("never shows NaN or Infinity", () => {
    const progress = fc.record({
      done: fc.nat(),
      total: fc.nat(),
      unit: fc.constant("images"),
      seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(progress, (value) => {
        expect(describeProgress(value) + describeEnd(value)).not.toMatch(/NaN|Infinity|undefined/);
      }),
    );
  });
});
