import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differentiate } from "../../core/autodiff/index.ts";
import { createGraph, type Value } from "../../core/graph/index.ts";
import { strataConditionals } from "../../core/models/heads/strata.ts";
import { paramCollector } from "../../core/models/params.ts";
import type { Strata, StrataTraining, StratumSource } from "../../core/plugin-api/index.ts";
import { compile } from "../../core/runtime/index.ts";
import { plugin as loss } from "../losses/backdoor-strata/index.ts";
import { plugin as la } from "../losses/la/index.ts";
import { plugin as classWise } from "./class-wise/index.ts";
import { plugin as dimensionSets } from "./dimension-sets/index.ts";
import { plugin as kMeans } from "./k-means/index.ts";

const [B, D, K, N, SCALE, TAU] = [3, 6, 4, 24, 5, 0.7];
const labels = [2, 0, 3];
const classCounts = [12, 7, 4, 1];
const prior = classCounts.map((n) => n / N);
const wave = (length: number, a: number, b: number) =>
  Float64Array.from({ length }, (_, i) => Math.sin(a * i + b));
const training = (seed = 3, width = D): StrataTraining => ({
  count: N,
  width,
  classes: K,
  labels: Int32Array.from(classCounts.flatMap((n, k) => Array<number>(n).fill(k))),
  features: async () => Float32Array.from(wave(N * width, 1.3, 0.2)),
  zeroShot: async () => Float32Array.from(wave(N * K, 0.9, 0.1)),
  seed,
});

const features = wave(B * D, 1.7, 0.4).map((x) => 2 * x);
const zeroShot = wave(B * K, 2.1, 0.3).map((x) => 3 * x);
type Values = Readonly<Record<string, Float64Array>>;

interface Setting {
  readonly source: StratumSource;
  readonly options: Readonly<Record<string, unknown>>;
  /** Conditional logits [K] of one sample by the formulas of the method notes, one list per stratum. */
  readonly reference: (strata: Strata, values: Values, b: number) => number[][];
}

const rowOf = (data: ArrayLike<number>, row: number, width: number) =>
  Array.from({ length: width }, (_, i) => data[row * width + i]!);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const length = (a: readonly number[]) => Math.sqrt(dot(a, a));
/** The length as the cosine head has it: a set whose entries are all masked has the length 0. */
const padded = (a: readonly number[]) => Math.sqrt(dot(a, a) + 1e-12);
const softmax = (z: readonly number[]) => {
  const most = Math.max(...z);
  const e = z.map((x) => Math.exp(x - most));
  const total = e.reduce((sum, x) => sum + x, 0);
  return e.map((x) => x / total);
};
const cosineHead = (input: readonly number[], weight: Float64Array) =>
  Array.from({ length: K }, (_, k) => {
    const row = rowOf(weight, k, input.length);
    return (SCALE * dot(input, row)) / (padded(input) * padded(row));
  });
/** Σ_i w_i rows_i */
const mix = (weights: readonly number[], rows: ArrayLike<number>, width: number) =>
  Array.from({ length: width }, (_, d) => weights.reduce((sum, w, i) => sum + w * rows[i * width + d]!, 0));

const kMeansReference =
  (keys: number, normalize: boolean): Setting["reference"] =>
  ({ masses, tensors }, values, b) => {
    const f = rowOf(values.features!, b, D);
    const z = tensors.centroids!.data;
    const query = Array.from({ length: keys }, (_, i) => dot(f, rowOf(values["strata.query.weight"]!, i, D)));
    const scores = Array.from(masses, (_, k) => {
      const key = Array.from({ length: keys }, (_, i) =>
        dot(rowOf(z, k, D), rowOf(values["strata.key.weight"]!, i, D)),
      );
      return dot(query, key) / Math.sqrt(keys);
    });
    const weights = softmax(scores).map((lambda, k) => lambda * masses[k]!);
    const total = normalize ? weights.reduce((sum, w) => sum + w, 0) : 1;
    const context = mix(weights, z, D).map((x) => x / total);
    const head = cosineHead(f, values["head.weight"]!);
    return [head.map((x, k) => x + dot(context, rowOf(values["strata.value.weight"]!, k, D)))];
  };

const classWiseReference =
  (normalize: boolean): Setting["reference"] =>
  ({ tensors }, values, b) => {
    const p = softmax(rowOf(zeroShot, b, K));
    const parts = [rowOf(values.features!, b, D), mix(p, tensors.anchors!.data, D).map((x) => x / K)];
    const input = parts.flatMap((part) => (normalize ? part.map((x) => x / padded(part)) : part));
    return [cosineHead(input, values["head.weight"]!)];
  };

const dimensionSetsReference =
  (sets: number, threshold: number): Setting["reference"] =>
  ({ tensors }, values, b) => {
    const f = rowOf(values.features!, b, D).map((x) => (Math.abs(x) < threshold ? 0 : x));
    return Array.from({ length: sets }, (_, i) => {
      const own = rowOf(tensors.sets!.data, i, D / sets).map((d) => f[d]!);
      return cosineHead(own, values[`head.${i}.weight`]!);
    });
  };

const erase = (source: unknown) => source as StratumSource;
const clusters = { clusters: 5, iterations: 50, samples: 1000 };
const settings: Readonly<Record<string, Setting>> = {
  "k-means": {
    source: erase(kMeans),
    options: { ...clusters, normalize: false },
    reference: kMeansReference(D, false),
  },
  "k-means, normalised, narrow keys": {
    source: erase(kMeans),
    options: { ...clusters, normalize: true, keyWidth: 2 },
    reference: kMeansReference(2, true),
  },
  "class-wise": {
    source: erase(classWise),
    options: { normalize: false },
    reference: classWiseReference(false),
  },
  "class-wise, normalised": {
    source: erase(classWise),
    options: { normalize: true },
    reference: classWiseReference(true),
  },
  "dimension-sets": {
    source: erase(dimensionSets),
    options: { sets: 3, order: "random", threshold: 0.8 },
    reference: dimensionSetsReference(3, 0.8),
  },
};

/** The loss, the prediction and all gradients of a setting in double precision, and the loss at other values. */
async function run({ source, options }: Setting) {
  const strata = await source.estimate(training(), options);
  const g = createGraph({ floatType: "float64" });
  const { declare, declareFrom, params } = paramCollector(g);
  const f = g.input("features", "float64", [B, D]);
  const conditionals = strataConditionals(
    g,
    f,
    { source, options, found: strata },
    {
      head: { classes: K, scale: SCALE, declare: declareFrom },
      declare,
      frozen: () => ({ features: f, zeroShot: g.constant(zeroShot, [B, K]) }),
    },
  );
  const recipe = loss.recipe({ strata: { use: source.name, ...options }, tau: TAU });
  if (recipe.mode !== "single") throw new Error("not over one model");
  const scores = recipe.strata!.predict(
    g,
    conditionals.map(({ logits }) => logits),
    conditionals.map(({ mass }) => mass),
  );
  const common = {
    labels: g.constant(labels, [B], "int64"),
    classPrior: g.constant(prior, [K]),
    classCounts,
    headScale: SCALE,
  };
  const total = recipe.build(g, { ...common, logits: scores, strata: conditionals });
  const plain = la.recipe({ tau: TAU });
  if (plain.mode !== "single") throw new Error("not over one model");
  const asLa = plain.build(g, { ...common, logits: conditionals[0]!.logits });
  const wrt = [f, ...params.map(({ value }) => value)];
  const gradients = differentiate(g, total, wrt);
  const laGradients = differentiate(g, asLa, wrt);
  const outputs: Record<string, Value> = { total, scores, asLa };
  for (const [i, { name }] of wrt.entries()) {
    outputs[`d ${name}`] = gradients[i]!;
    outputs[`la ${name}`] = laGradients[i]!;
  }
  const program = await compile(g, outputs, { optimize: "none", threads: 1 });
  const values = Object.fromEntries(
    wrt.map((value, i) => {
      const size = value.shape.reduce((a, b) => a * b, 1);
      const start = value === f ? features : wave(size, 0.7 + i, 0.1 * i).map((x) => 0.6 * x);
      return [value.name, start];
    }),
  );
  const at = async (feeds: Values) => (await program.run(feeds)) as Record<string, Float64Array>;
  return { strata, values, at, out: await at(values), release: () => program.release() };
}

describe.each(Object.entries(settings))("%s in double precision", (_name, setting) => {
  it("gives the prediction and the loss of the formulas", async () => {
    const { strata, values, out, release } = await run(setting);
    await release();
    let expected = 0;
    for (let b = 0; b < B; b++) {
      const logits = setting.reference(strata, values, b);
      const mean = (rows: readonly (readonly number[])[]) =>
        Array.from({ length: K }, (_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length);
      const predicted = mean(logits.map(softmax));
      for (let k = 0; k < K; k++) expect(out.scores![b * K + k]).toBeCloseTo(Math.log(predicted[k]!), 10);
      const adjusted = mean(logits.map((z) => softmax(z.map((x, k) => x + TAU * Math.log(prior[k]!)))));
      expected -= Math.log(adjusted[labels[b]!]!) / B;
    }
    expect(out.total![0]).toBeCloseTo(expected, 10);
  });

  it("has the gradients of finite differences, in every parameter and the feature", async () => {
    const { values, at, out, release } = await run(setting);
    const step = 1e-5;
    for (const [name, own] of Object.entries(values)) {
      for (const i of own.keys()) {
        const moved = async (by: number) => {
          const changed = own.slice();
          changed[i]! += by;
          return (await at({ ...values, [name]: changed })).total![0]!;
        };
        const difference = ((await moved(step)) - (await moved(-step))) / (2 * step);
        expect(Math.abs(out[`d ${name}`]![i]! - difference), `${name}[${i}]`).toBeLessThan(1e-8);
      }
      expect(
        out[`d ${name}`]!.some((x) => Math.abs(x) > 1e-6),
        name,
      ).toBe(true);
    }
    await release();
  });
});

describe("dimension-sets", () => {
  it("with one set is la on the same head, loss and gradients", async () => {
    const options = { sets: 1, order: "contiguous", threshold: 0 };
    const setting = { source: erase(dimensionSets), options, reference: dimensionSetsReference(1, 0) };
    const { values, out, release } = await run(setting);
    await release();
    expect(out.total![0]).toBeCloseTo(out.asLa![0]!, 13);
    for (const name of Object.keys(values)) {
      for (const [i, x] of out[`la ${name}`]!.entries()) expect(out[`d ${name}`]![i]).toBeCloseTo(x, 13);
    }
  });

  it("makes disjoint sets of equal size that cover the feature, the same for the same seed", async () => {
    const sizes = fc.record({ sets: fc.integer({ min: 1, max: 6 }), size: fc.integer({ min: 1, max: 8 }) });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.nat(2 ** 31),
        fc.constantFrom("contiguous" as const, "random" as const),
        async ({ sets, size }, seed, order) => {
          const options = { sets, order, threshold: 0 };
          const of = async () => dimensionSets.estimate(training(seed, sets * size), options);
          const { tensors, masses } = await of();
          const { data, shape } = tensors.sets!;
          expect(shape).toEqual([sets, size]);
          expect([...data].sort((a, b) => a - b)).toEqual([...Array(sets * size).keys()]);
          expect(masses.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
          expect((await of()).tensors.sets!.data).toEqual(data);
        },
      ),
    );
  });

  it("refuses a number of sets that does not divide the width", async () => {
    await expect(
      dimensionSets.estimate(training(), { sets: 4, order: "random", threshold: 0 }),
    ).rejects.toThrow(/4 sets do not divide the feature's width 6/);
  });
});

describe("k-means", () => {
  const options = { ...clusters, normalize: false };

  it("has masses that sum to 1 and centroids that are the means of what is nearest to them", async () => {
    const { masses, tensors } = await kMeans.estimate(training(), options);
    expect(masses.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    const points = await training().features();
    const { data } = tensors.centroids!;
    const groups = Array.from({ length: 5 }, (): number[][] => []);
    for (let i = 0; i < N; i++) {
      const point = rowOf(points, i, D);
      const distances = groups.map((_, k) => length(point.map((x, d) => x - data[k * D + d]!)));
      groups[distances.indexOf(Math.min(...distances))]!.push(point);
    }
    for (const [k, group] of groups.entries()) {
      expect(masses[k]).toBeCloseTo(group.length / N, 6);
      for (let d = 0; d < D; d++) {
        const mean = group.reduce((sum, point) => sum + point[d]!, 0) / group.length;
        expect(data[k * D + d]).toBeCloseTo(mean, 5);
      }
    }
  });

  it.each([0, 7])(
    "is the same for the same seed (%i), also when fitted to some of the images",
    async (seed) => {
      for (const samples of [1000, 12]) {
        const [first, again] = [
          await kMeans.estimate(training(seed), { ...options, samples }),
          await kMeans.estimate(training(seed), { ...options, samples }),
        ];
        expect(again).toEqual(first);
        expect(first.masses.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      }
    },
  );

  it("refuses more clusters than there are different features", async () => {
    const same = { ...training(), features: async () => new Float32Array(N * D).fill(1) };
    await expect(kMeans.estimate(same, { ...options, clusters: 2 })).rejects.toThrow(
      /2 clusters of 24 images with 1 different features/,
    );
  });
});

describe("class-wise", () => {
  it("has the mean feature of each class as its anchor", async () => {
    const { tensors } = await classWise.estimate(training(), { normalize: false });
    const points = await training().features();
    const single = rowOf(points, N - 1, D);
    expect(rowOf(tensors.anchors!.data, K - 1, D)).toEqual(single);
    const mean = mix(Array<number>(12).fill(1 / 12), points, D);
    for (let d = 0; d < D; d++) expect(tensors.anchors!.data[d]).toBeCloseTo(mean[d]!, 5);
  });
});
