import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { ResultRow } from "../aggregate.ts";
import {
  canDrawText,
  crossingPlot,
  groupAccuracyPlot,
  perClassPlot,
  renderPng,
  trainingCurvesPlot,
} from "./index.ts";
import { logTicks, wholeTicks } from "./ticks.ts";
import { binnedTrend } from "./trend.ts";

const rows: ResultRow[] = ["ce", "la"].flatMap((loss, i) =>
  [0, 1].map((seed) => ({
    loss,
    backbone: "clip",
    seed,
    metrics: {
      "test/d_many": 0.6 + 0.01 * seed,
      "test/d_few": 0.1 + 0.2 * i,
      ...(i ? { "test/p_few": 0.3 } : {}),
    },
  })),
);
const drawn = async (plot: Promise<string | undefined>) => {
  const svg = await plot;
  if (svg === undefined) throw new Error("nothing was drawn");
  return svg;
};
const groups = () =>
  drawn(groupAccuracyPlot({ rows, backbone: "clip", downstreamSizes: { many: 3, medium: 0, few: 1 } }));
const crossing = () =>
  crossingPlot({
    title: "crossing",
    accuracy: [
      [0.5, undefined, undefined],
      [undefined, 0.25, undefined],
      [undefined, undefined, 0],
    ],
    classes: [
      [3, 0, 0],
      [0, 1, 2],
      [0, 0, 4],
    ],
  });
const curves = (length: number) =>
  drawn(
    trainingCurvesPlot({
      title: "curves",
      series: ["ce", "la"].map((name) => ({
        name,
        loss: Array.from({ length }, (_, step) => ({ step, value: 3 / (1 + step) })),
        accuracy: [1, 2, 3].map((step) => ({ step, value: step / 10 })),
      })),
    }),
  );
const perClass = (names: readonly string[]) =>
  drawn(
    perClassPlot({
      title: "per class",
      series: names.map((name) => ({ name, accuracy: [0.9, 0.7, Number.NaN, 0.5, 0.2, 0.1] })),
      trainCounts: [500, 200, 50, 20, 5, 0],
      prior: [0.3, 0.2, 0.2, 0.1, 0.1, 0.1],
    }),
  );

/** Every line of text. */
function texts(svg: string): string[] {
  return Array.from(svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g), ([, text]) => text!);
}

describe("plots", () => {
  it("are the same bytes every time, whatever was drawn before", async () => {
    const first = [await groups(), await crossing(), await curves(30), await perClass(["ce"])];
    const again = [await perClass(["ce"]), await curves(30), await crossing(), await groups()].reverse();
    expect(again).toEqual(first);
    expect(await Promise.all([groups(), crossing(), curves(30), perClass(["ce"])])).toEqual(first);
    for (const svg of first) expect(svg).toMatch(/^<svg[^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  });

  it("groups: names losses, counts classes, has a dash for what is undefined and no panel without data", async () => {
    const shown = texts(await groups());
    expect(shown).toEqual(
      expect.arrayContaining(["ce", "la", "3 classes", "1 class", "Mean per-class accuracy (%)"]),
    );
    // d_medium of both losses, p_many and p_medium of both, p_few of ce.
    expect(shown.filter((text) => text === "—")).toHaveLength(7);
    expect(shown).toContain("Pre-training prior");
    expect(shown).not.toContain("Few in both");
  });

  it("crossing: tells empty, untested and zero apart", async () => {
    const shown = texts(await crossing());
    expect(shown).toEqual(
      expect.arrayContaining(["50.0 %", "0.0 %", "4 classes", "2 classes, untested", "no class"]),
    );
    expect(shown.filter((text) => text === "—")).toHaveLength(6);
  });

  it("curves: averages long ones and says so, ticks epochs once each", async () => {
    const short = texts(await curves(30));
    expect(short).toContain("Training loss (nats)");
    for (const epoch of ["1", "2", "3"])
      expect(short.filter((text) => text === epoch).length).toBeGreaterThan(0);
    const long = await curves(5000);
    expect(texts(long)).toContain("Training loss (nats, mean over 25 steps)");
    expect(long.length).toBeLessThan(60_000);
    const diverged = await drawn(
      trainingCurvesPlot({
        title: "t",
        series: [{ name: "ce", loss: [1, 2, Number.NaN].map((value, step) => ({ step, value })) }],
      }),
    );
    expect(diverged).not.toContain("NaN");
    expect(texts(diverged)).not.toContain("Epoch");
  });

  it("per class: leaves out what has no place on the axes, prints rank correlations", async () => {
    const svg = await perClass(["ce"]);
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(texts(svg).filter((text) => text === "Spearman ρ: 1.00")).toHaveLength(1);
    expect(texts(await perClass(["ce", "la"])).some((text) => /ce 1\.00, la 1\.00/.test(text))).toBe(true);
  });

  it("name every series, however many", async () => {
    const names = Array.from({ length: 45 }, (_, i) => `loss ${i}`);
    const shown = texts(await perClass(names));
    expect(names.filter((name) => !shown.some((text) => text.includes(name)))).toEqual([]);
  });

  it("draw a single point, and nothing where there is nothing", async () => {
    const one = [{ step: 1, value: 0.5 }];
    const single = await drawn(
      trainingCurvesPlot({ title: "t", series: [{ name: "a", loss: one, accuracy: one }] }),
    );
    expect(single).not.toMatch(/NaN|Infinity/);
    expect(texts(single)).toEqual(expect.arrayContaining(["Optimizer step", "Epoch"]));
    expect(await trainingCurvesPlot({ title: "t", series: [] })).toBeUndefined();
    expect(await groupAccuracyPlot({ rows, backbone: "other" })).toBeUndefined();
    const untested = [{ name: "a", accuracy: [Number.NaN] }];
    expect(await perClassPlot({ title: "t", series: untested, trainCounts: [1] })).toBeUndefined();
  });

  it("PNG has the picture with its text where the machine has fonts, and is withheld where it has none", async () => {
    const svg = await crossing();
    const png = await renderPng(svg, 1);
    expect(png !== undefined).toBe(await canDrawText());
    if (png) {
      const { width, height } = await sharp(png).metadata();
      const bare = await sharp(Buffer.from(svg.replace(/<text.*?<\/text>/g, "")))
        .raw()
        .toBuffer();
      expect(bare.equals(await sharp(png).raw().toBuffer())).toBe(false);
      expect(Math.min(width!, height!)).toBeGreaterThan(300);
    }

    // A machine without fonts, made by an empty font configuration.
    const folder = await mkdtemp(join(tmpdir(), "dualtail-fonts-"));
    try {
      const config = join(folder, "fonts.conf");
      await writeFile(
        config,
        `<?xml version="1.0"?><fontconfig><dir>${folder}</dir><cachedir>${folder}</cachedir></fontconfig>`,
      );
      const module = pathToFileURL(join(import.meta.dirname, "png.ts")).href;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          "--import",
          "tsx",
          "--input-type=module",
          "-e",
          `const { renderPng } = await import(${JSON.stringify(module)});
           console.log(await renderPng('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'));`,
        ],
        { env: { ...process.env, FONTCONFIG_FILE: config } },
      );
      expect(stdout.trim()).toBe("undefined");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("binnedTrend", () => {
  it("cuts classes into runs of equal size without splitting equal x", () => {
    const x = [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 4, 4, 8, 8, 8, 8, 8];
    const trend = binnedTrend(x, x, 4);
    // The first two borders fall inside the run of ones and twos: borders move to where x changes.
    expect(trend.map(({ y }) => y)).toEqual([1, 2, 4, 8]);
    expect(trend.map(({ x: at }) => Math.round(1e9 * at) / 1e9)).toEqual([1, 2, 4, 8]);
  });

  it("is one point for few classes or a constant x, and none for none", () => {
    expect(binnedTrend([1, 2], [4, 6])).toEqual([{ x: Math.exp(Math.log(2) / 2), y: 5 }]);
    expect(binnedTrend(new Array(20).fill(3), new Array(20).fill(1))).toHaveLength(1);
    expect(binnedTrend([], [])).toEqual([]);
  });
});

describe("ticks", () => {
  it("are round and inside", () => {
    expect(logTicks(1.7, 170)).toEqual([2, 5, 10, 20, 50, 100]);
    expect(logTicks(0.0004, 0.03)).toEqual([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02]);
    expect(logTicks(1, 1e5)).toEqual([1, 10, 100, 1000, 1e4, 1e5]);
    expect(wholeTicks(1, 3)).toEqual([1, 2, 3]);
    expect(wholeTicks(0, 1180)).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(wholeTicks(1, 1)).toEqual([1]);
  });
});
