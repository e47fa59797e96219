import { describe, expect, it } from "vitest";
import { aggregateOverSeeds, comparisonTable, perClassTable, type ResultRow } from "./index.ts";

const rows: ResultRow[] = [
  {
    loss: "ce",
    backbone: "clip",
    seed: 0,
    metrics: { "test/overall": 0.4, "test/d_few": 0.1, "test/dual_tail": 0 },
  },
  { loss: "la", backbone: "clip", seed: 0, metrics: { "test/overall": 0.5 } },
  { loss: "ce", backbone: "clip", seed: 1, metrics: { "test/overall": 0.44, "test/d_few": Number.NaN } },
];

describe("aggregateOverSeeds", () => {
  it("joins what differs in the seed only, keeping order and the number of runs per metric", () => {
    const [ce, la] = aggregateOverSeeds(rows);
    expect(ce).toMatchObject({ loss: "ce", seeds: [0, 1], runs: 2 });
    expect(ce!.metrics["test/overall"]!.mean).toBeCloseTo(0.42, 12);
    expect(ce!.metrics["test/overall"]!.sd).toBeCloseTo(0.04 / Math.SQRT2, 12);
    expect(ce!.metrics["test/d_few"]).toEqual({ mean: 0.1, runs: 1 });
    expect(la!.metrics["test/overall"]).toEqual({ mean: 0.5, runs: 1 });
  });

  it("keeps PEFT methods apart", () => {
    const two = ["lora", "adaptformer"].map((peft) => ({ loss: "ce", backbone: "clip", peft, metrics: {} }));
    expect(aggregateOverSeeds(two)).toHaveLength(2);
  });
});

describe("comparisonTable", () => {
  it("prints percentages, spreads where there are several runs, and a dash, never 0, for undefined", () => {
    expect(comparisonTable(rows).markdown.split("\n").slice(0, 4)).toEqual([
      "| loss | backbone | runs | overall | many | medium | few | P-many | P-medium | P-few | dual-tail | KNN | ECE |",
      "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
      "| ce | clip | 2 | 42.0 ± 2.8 | — | — | 10.0 | — | — | — | 0.0 | — | — |",
      "| la | clip | 1 | 50.0 | — | — | — | — | — | — | — | — | — |",
    ]);
  });

  it("aligns the terminal table, and leaves deviations out where they do not fit", () => {
    const wide = comparisonTable(rows).text.split("\n");
    expect(wide[2]).toContain("42.0 ± 2.8");
    expect(wide[3]!.indexOf("50.0") + 4).toBe(wide[2]!.indexOf("42.0 ± 2.8") + "42.0 ± 2.8".length);
    const narrow = comparisonTable(rows, { width: wide[0]!.length - 1 }).text.split("\n");
    expect(narrow[2]).not.toContain("±");
    expect(narrow[2]).toContain("42.0");
    expect(narrow.at(-1)).toMatch(/^\(means over seeds/);
  });

  it("keeps everything in JSON, undefined metrics absent", () => {
    const parsed = JSON.parse(comparisonTable(rows, { title: "t" }).json) as {
      rows: { metrics: Record<string, { mean: number }> }[];
    };
    expect(parsed.rows[0]!.metrics["test/dual_tail"]!.mean).toBe(0);
    expect(Object.keys(parsed.rows[1]!.metrics)).toEqual(["test/overall"]);
  });

  it("escapes what would break a Markdown table", () => {
    const odd = comparisonTable([{ loss: "a|b\nc", backbone: "x", metrics: {} }]);
    expect(odd.markdown).toContain("| a\\|b c | x |");
  });
});

describe("perClassTable", () => {
  const table = perClassTable({
    classNames: ["plain", 'odd, "quoted"', "untested"],
    trainCounts: Int32Array.of(100, 5, 1),
    accuracy: Float64Array.of(0.75, 0, Number.NaN),
    prior: Float64Array.of(0.6, 0.3, 0.1),
    pretrainCounts: [600, 300, 100],
    downstream: ["medium", "few", "few"],
    pretrain: ["many", "medium", "few"],
  });

  it("writes CSV by RFC 4180, undefined as an empty field", () => {
    expect(table.csv).toBe(
      "class,name,n_train,prior,n_pretrain,d_group,p_group,accuracy\r\n" +
        "0,plain,100,0.6,600,medium,many,0.75\r\n" +
        '1,"odd, ""quoted""",5,0.3,300,few,medium,0\r\n' +
        "2,untested,1,0.1,100,few,few,\r\n",
    );
  });

  it("writes JSON and Markdown that tell 0 from undefined", () => {
    const parsed = JSON.parse(table.json) as { accuracy: number | null }[];
    expect(parsed.map(({ accuracy }) => accuracy)).toEqual([0.75, 0, null]);
    const lines = table.markdown.split("\n");
    expect(lines[3]).toMatch(/\| 0\.0 \|$/);
    expect(lines[4]).toMatch(/\| — \|$/);
  });

  it("has optional columns only when given", () => {
    const plain = perClassTable({ classNames: ["a"], trainCounts: [3], accuracy: [1] });
    expect(plain.csv).toBe("class,name,n_train,accuracy\r\n0,a,3,1\r\n");
  });
});
