import { differentiate } from "../autodiff/index.ts";
import { DualtailError } from "../errors.ts";
import { createGraph, sizeOf } from "../graph/index.ts";
import { strataConditionals } from "../models/heads/strata.ts";
import { paramCollector } from "../models/params.ts";
import type { Strata, StrataTraining, StratumSource } from "../plugin-api/index.ts";
import { compile } from "../runtime/index.ts";
import { uniformFrom } from "../training/random.ts";
import { compareWithDifferences, describeMismatch } from "./differences.ts";
import { type Findings, fail, note, type Outcome, ok } from "./findings.ts";
import { DOUBLE, show } from "./precision.ts";
import type { Variant } from "./variants.ts";

const [COUNT, WIDTH, CLASSES, BATCH, SCALE] = [240, 24, 4, 3, 5];
/** Masses are stored in float32: a sum of M of them is off by about M · 6e-8. */
const MASS_ROUNDING = 1e-5;

/** Features around a centre per class, as a frozen backbone gives them, with a long tail of labels. */
function training(): StrataTraining {
  const uniform = uniformFrom("check a source of strata");
  const labels = Int32Array.from({ length: COUNT }, (_, i) => (i < 140 ? 0 : i < 200 ? 1 : i < 230 ? 2 : 3));
  const features = Float32Array.from(
    { length: COUNT * WIDTH },
    (_, i) => Math.sin(1 + labels[Math.floor(i / WIDTH)]! * 7 + (i % WIDTH)) + uniform() - 0.5,
  );
  const zeroShot = Float32Array.from({ length: COUNT * CLASSES }, () => 4 * uniform() - 2);
  return {
    count: COUNT,
    width: WIDTH,
    classes: CLASSES,
    labels,
    features: async () => features.slice(),
    zeroShot: async () => zeroShot.slice(),
    seed: 3,
  };
}

/** Everything that is asked of a source of strata, with one set of options. */
export async function checkStrata(
  source: StratumSource,
  { label: where, options }: Variant,
  findings: Findings,
  { isDefault }: { readonly isDefault: boolean },
): Promise<void> {
  let found: Strata | undefined;
  await findings.run("estimate", where, async () => {
    try {
      found = await source.estimate(training(), options);
    } catch (error) {
      if (isDefault || !(error instanceof DualtailError)) throw error;
      return note(`it refuses ${COUNT} images of ${CLASSES} classes with these options: ${error.oneLine}`);
    }
    return describeStrata(found);
  });
  const strata = found;
  if (strata === undefined) return;
  if (findings.list.at(-1)?.verdict === "fail") return;
  await findings.run("determinism", where, async () =>
    sameStrata(strata, await source.estimate(training(), options)),
  );
  await findings.run("conditionals", where, () => conditionals(source, options, strata, isDefault));
}

function describeStrata({ masses, tensors }: Strata): Outcome {
  if (masses.length < 1) return fail("it finds no stratum", "give at least one mass");
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  if (!masses.every((mass) => mass >= 0) || !(Math.abs(total - 1) < MASS_ROUNDING))
    return fail(
      `its masses sum to ${show(total)}, not 1`,
      "divide counts by their total; none may be negative",
    );
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (sizeOf(shape) !== data.length)
      return fail(
        `the tensor "${name}" has shape [${shape.join(", ")}] but ${data.length} numbers`,
        "data is row-major",
      );
    if (!data.every(Number.isFinite))
      return fail(
        `the tensor "${name}" holds a number that is not finite`,
        "look for empty strata or classes",
      );
  }
  return ok(`${masses.length} strata, masses sum to 1`);
}

function sameStrata(first: Strata, second: Strata): Outcome {
  const equal = (a: Float32Array, b: Float32Array | undefined) =>
    a.every((value, i) => Object.is(value, b?.[i]));
  const differs = equal(first.masses, second.masses)
    ? Object.keys(first.tensors).find((name) => !equal(first.tensors[name]!.data, second.tensors[name]?.data))
    : "masses";
  return differs === undefined
    ? ok("estimated twice, it finds the same")
    : fail(
        `estimated twice with the same seed, "${differs}" differs`,
        "draw by `training.seed`; no Math.random",
      );
}

async function conditionals(
  source: StratumSource,
  options: Variant["options"],
  found: Strata,
  isDefault: boolean,
): Promise<Outcome> {
  const g = createGraph({ floatType: "float64" });
  const { declare, declareFrom, params } = paramCollector(g);
  const features = g.input("features", "float64", [BATCH, WIDTH]);
  const frozen = g.input("frozen", "float64", [BATCH, WIDTH]);
  const zeroShot = g.input("zeroShot", "float64", [BATCH, CLASSES]);
  // It refuses other shapes, and masses that do not sum to 1.
  const parts = strataConditionals(
    g,
    features,
    { source, options, found },
    {
      head: { classes: CLASSES, scale: SCALE, declare: declareFrom },
      declare,
      frozen: () => ({ features: frozen, zeroShot }),
    },
  );
  const mix = (i: number) =>
    g.constant(
      Array.from({ length: BATCH * CLASSES }, (_, j) => Math.cos(j + 3 * i)),
      [BATCH, CLASSES],
    );
  const loss = parts
    .map(({ logits }, i) => g.reduceSum(g.mul(g.softmax(logits, 1), mix(i))))
    .reduce((sum, one) => g.add(sum, one));
  const wrt = [features, ...params.map(({ value }) => value)];
  const gradients = differentiate(g, loss, wrt);
  const program = await compile(
    g,
    { loss, ...Object.fromEntries(gradients.map((gradient, i) => [`d${i}`, gradient])) },
    { optimize: "none", threads: 1 },
  );
  try {
    const wave = (size: number, a: number) =>
      Float64Array.from({ length: size }, (_, i) => Math.sin(a * i + a));
    const values = Object.fromEntries(
      [...wrt, frozen, zeroShot].map((value, i) => [value.name, wave(sizeOf(value.shape), 0.7 + i)]),
    );
    const out = (await program.run(values)) as Record<string, Float64Array>;
    for (const [i, value] of wrt.entries()) {
      const own = out[`d${i}`]!;
      if (own.every((d) => Math.abs(d) < 1e-12) && i > 0 && !isDefault)
        return note(`with these options no gradient reaches the parameter "${value.name}"`);
      if (own.every((d) => Math.abs(d) < 1e-12) && i > 0)
        return fail(
          `no gradient reaches the parameter "${value.name}"`,
          "use what `param` or `head` returns in the logits",
        );
      const at = async (moved: Float64Array) =>
        ((await program.run({ ...values, [value.name]: moved })).loss as Float64Array)[0]!;
      const size = sizeOf(value.shape);
      const some = [...new Set([0, size >> 1, size - 1])];
      const mismatch = await compareWithDifferences(values[value.name]!, own, at, DOUBLE, some);
      if (mismatch && !mismatch.rough)
        return fail(
          `by "${value.name}"[${mismatch.index}], ${describeMismatch(mismatch)}`,
          "see the rules of core/autodiff for operators without a gradient",
        );
    }
    return ok(
      `${parts.length} of logits [B, K], gradients fit central differences, ${params.length} parameters`,
    );
  } finally {
    await program.release();
  }
}
