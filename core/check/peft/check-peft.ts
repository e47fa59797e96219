import { differentiate } from "../../autodiff/index.ts";
import { DualtailError } from "../../errors.ts";
import { createGraph, describeValue, type Graph, sizeOf, type Value } from "../../graph/index.ts";
import { classifier, type DeclaredParam } from "../../models/classifier.ts";
import { frozenWeights, type LocateTensor } from "../../models/frozen-weights.ts";
import type { PeftPlugin, PeftSession, Site } from "../../plugin-api/index.ts";
import { compile } from "../../runtime/index.ts";
import { initParams } from "../../training/params.ts";
import { type Findings, fail, note, type Outcome, ok } from "../findings.ts";
import { largestDeviation, show } from "../precision.ts";
import type { Variant } from "../variants.ts";
import { openTower, TOWER } from "./tower.ts";

const [BATCH, CLASSES] = [3, 20];
const HEAD = "head.weight";
/** Rounding of float32 through a tower of a few blocks; a change of a parameter by 1 % is a thousand times that. */
const ROUNDING = 5e-6;

interface Built {
  readonly g: Graph;
  readonly features: Value;
  readonly params: readonly DeclaredParam[];
  readonly misshapen: readonly string[];
}

/** The tower with the method, which is watched for what it returns at every site. */
function build(
  plugin: PeftPlugin | undefined,
  options: Variant["options"],
  locate: LocateTensor,
  batch = BATCH,
): Built {
  const g = createGraph();
  const misshapen: string[] = [];
  const watched = plugin && {
    ...plugin,
    begin: (...args: Parameters<PeftPlugin["begin"]>) => watch(plugin.begin(...args), misshapen),
  };
  const { features, params } = classifier(
    g,
    g.input("pixels", "float32", [batch, 1, TOWER.imageSize, TOWER.imageSize]),
    {
      shape: TOWER,
      weights: frozenWeights(g, locate),
      locate,
      classes: CLASSES,
      peft: watched ? [{ plugin: watched, options }] : [],
      headInit: new Float32Array(CLASSES * TOWER.width),
      headScale: 25,
    },
  );
  return { g, features, params: params.filter(({ name }) => name !== HEAD), misshapen };
}

/** Stops at the first site where the shape is not kept, with the site's name in place of a distant shape error. */
function watch(session: PeftSession, misshapen: string[]): PeftSession {
  const { apply } = session;
  if (apply === undefined) return session;
  return {
    ...session,
    apply(g: Graph, site: Site, input: Value, output: Value) {
      const made = apply.call(session, g, site, input, output);
      if (made?.dtype === output.dtype && made.shape.join() === output.shape.join()) return made;
      const got = made === undefined ? "nothing" : describeValue(made);
      misshapen.push(
        `at block ${site.block}, site ${site.name}, \`apply\` returns ${got} in place of ${describeValue(output)}`,
      );
      return output;
    },
  };
}

const PIXELS = TOWER.imageSize ** 2;
const pixels = Float32Array.from({ length: BATCH * PIXELS }, (_, i) => Math.sin(i));

/** [batch × width], of each of the batches. */
async function featuresOf(
  { g, features }: Built,
  values: ReadonlyMap<string, Float32Array>,
  batches: readonly Float32Array[] = [pixels],
): Promise<Float32Array> {
  const program = await compile(g, { features }, { threads: 1 });
  try {
    const all: number[] = [];
    for (const own of batches) {
      const results = await program.run({ pixels: own, ...Object.fromEntries(values) });
      all.push(...(results.features as Float32Array));
    }
    return Float32Array.from(all);
  } finally {
    await program.release();
  }
}

const starts = ({ params }: Built, seed = 0) =>
  initParams(
    params.map(({ name, value, init }) => ({ name, shape: value.shape, init })),
    seed,
  );

/** Everything that is asked of a PEFT method, with one set of options. */
export async function checkPeft(
  plugin: PeftPlugin,
  { label: where, options }: Variant,
  findings: Findings,
  { isDefault }: { readonly isDefault: boolean },
): Promise<void> {
  const tower = await openTower();
  try {
    let built: Built | undefined;
    await findings.run("builds", where, () => {
      try {
        built = build(plugin, options, tower.locate);
      } catch (error) {
        if (isDefault || !(error instanceof DualtailError)) throw error;
        return note(`it refuses these options for a tower of ${TOWER.layers} blocks: ${error.oneLine}`);
      }
      return describeParams(built);
    });
    if (built === undefined) return;
    const method = built;
    if (!(await findings.run("shapes", where, () => shapes(method)))) return;
    if (method.params.length === 0) return;
    const plain = build(undefined, {}, tower.locate);
    const frozen = await featuresOf(plain, new Map());
    await findings.run("start", where, () => start(plugin, method, frozen));
    await findings.run("gradient reaches", where, () => reaches(method, isDefault));
    await findings.run("changes the model", where, () => changes(method, frozen, isDefault));
    await findings.run("sample alone", where, () =>
      sampleAlone(method, build(plugin, options, tower.locate, 1)),
    );
    await findings.run("determinism", where, () => determinism(method, build(plugin, options, tower.locate)));
  } finally {
    await tower.close();
  }
}

function describeParams({ params }: Built): Outcome {
  const names = params.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice)
    return fail(
      `it declares the parameter "${twice}" twice`,
      "put the block's number and the site into the name",
    );
  if (names.length === 0)
    return fail(
      "it declares no parameter on a tower of 3 blocks",
      "call `param` in `apply` or `prompt`, or give `trains`",
    );
  const total = params.reduce((sum, { value }) => sum + sizeOf(value.shape), 0);
  return ok(
    `${total} numbers in ${names.length} parameters at width ${TOWER.width}, ${TOWER.layers} blocks, ${CLASSES} classes`,
  );
}

function shapes({ misshapen }: Built): Outcome {
  return misshapen.length > 0
    ? fail(
        `${misshapen[0]}${misshapen.length > 1 ? ` (and at ${misshapen.length - 1} more)` : ""}`,
        "return a value shaped like `output`; return `output` itself at sites that are left alone",
      )
    : ok("every site keeps its shape");
}

async function start(plugin: PeftPlugin, built: Built, frozen: Float32Array): Promise<Outcome> {
  const values = await starts(built);
  const broken = [...values].find(([, own]) => !own.every(Number.isFinite));
  if (broken)
    return fail(`the parameter "${broken[0]}" starts at a value that is not finite`, "look at its `init`");
  const distance = largestDeviation(await featuresOf(built, values), frozen);
  if (distance <= ROUNDING) {
    return plugin.startsAtIdentity === false
      ? note("the model starts as the frozen one, although `startsAtIdentity` is false")
      : ok("the model starts as the frozen one");
  }
  const found = `before the first step, features differ from the frozen model's by ${show(distance)} (relative)`;
  return plugin.startsAtIdentity === false
    ? ok(`${found}, as \`startsAtIdentity: false\` says`)
    : fail(
        found,
        "start the last factor of every branch at zeros (as `up` of an adapter, B of LoRA), or say `startsAtIdentity: false`",
      );
}

/** The parameters moved off the places where a factor of 0 stops the gradient of the other one. */
async function moved(built: Built): Promise<Map<string, Float32Array>> {
  const values = await starts(built);
  let p = 0;
  for (const own of values.values()) {
    p++;
    for (const i of own.keys()) own[i]! += 0.3 * Math.sin(5 * i + p);
  }
  return values;
}

async function reaches(built: Built, isDefault: boolean): Promise<Outcome> {
  const { g, features, params } = built;
  const mix = g.constant(
    Float32Array.from({ length: sizeOf(features.shape) }, (_, i) => Math.cos(i)),
    features.shape,
  );
  const gradients = differentiate(
    g,
    g.reduceSum(g.mul(features, mix)),
    params.map(({ value }) => value),
  );
  const program = await compile(g, Object.fromEntries(gradients.map((gradient, i) => [`d${i}`, gradient])), {
    threads: 1,
  });
  const out = await program.run({ pixels, ...Object.fromEntries(await moved(built)) });
  await program.release();
  const still = params.filter((_, i) =>
    (out[`d${i}`] as Float32Array).every((value) => Math.abs(value) < 1e-9),
  );
  // A key's bias adds the same to all of a query's scores, which the softmax takes away: exactly no gradient.
  const known = still.filter(({ name }) => /k_proj\.bias$|attn\.k\.shift$/.test(name));
  const dead = still.filter((param) => !known.includes(param));
  if (dead.length > 0 && !isDefault)
    return note(`with these options no gradient reaches ${dead.length} parameters`);
  return dead.length > 0
    ? fail(
        `no gradient reaches ${dead.length} of ${params.length} parameters: ${dead
          .slice(0, 3)
          .map(({ name }) => `"${name}"`)
          .join(", ")}${dead.length > 3 ? ", …" : ""}`,
        "use what `param` returns in the value that `apply` returns",
      )
    : ok(`a gradient reaches all ${params.length - known.length} parameters that can have one`);
}

async function changes(built: Built, frozen: Float32Array, isDefault: boolean): Promise<Outcome> {
  const distance = largestDeviation(await featuresOf(built, await moved(built)), frozen);
  if (distance <= 100 * ROUNDING && !isDefault)
    return note("with these options its parameters change nothing");
  return distance > 100 * ROUNDING
    ? ok("other parameters give another model")
    : fail(
        "with other parameters the features stay the same",
        "use what `param` returns in the value that `apply` returns",
      );
}

/** An image's features must not depend on what else is in the batch: batches are cut anywhere, the last is short. */
async function sampleAlone(together: Built, single: Built): Promise<Outcome> {
  const values = await moved(together);
  const alone = await featuresOf(
    single,
    values,
    Array.from({ length: BATCH }, (_, b) => pixels.subarray(b * PIXELS, (b + 1) * PIXELS)),
  );
  const distance = largestDeviation(await featuresOf(together, values), alone);
  return distance <= ROUNDING
    ? ok("an image's features do not depend on the rest of the batch")
    : fail(
        `an image's features differ by ${show(distance)} (relative) between a batch of 1 and of ${BATCH}`,
        "axis 0 are the images: reduce over tokens or channels only, and do not mix images by a reshape",
      );
}

async function determinism(first: Built, second: Built): Promise<Outcome> {
  const [a, b] = [await starts(first), await starts(second)];
  const names = [...a.keys()];
  const other = [...b.keys()].find((name, i) => name !== names[i]) ?? (a.size === b.size ? undefined : "…");
  if (other !== undefined)
    return fail(
      `built twice, it declares other parameters (${other})`,
      "names and their order must depend on tower and options alone",
    );
  const differs = names.find((name) => !a.get(name)!.every((value, i) => Object.is(value, b.get(name)![i])));
  return differs
    ? fail(`built twice, "${differs}" starts from other values`, "draw by `init`; no Math.random")
    : ok("built twice, it has the same parameters and values");
}
