import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plugin as adaptformer } from "../../plugins/peft/adaptformer/index.ts";
import { type RandomTower, randomTower } from "../../test/support/random-tower.ts";
import type { PeftPlugin } from "../plugin-api/index.ts";
import { FinetuneAborted, type FinetuneOptions, finetune, type Member } from "./finetune.ts";
import { adamw, sgd } from "./optimizers/index.ts";
import { compilePredictor } from "./predict.ts";
import { cosine } from "./schedule.ts";

const shape = {
  width: 16,
  layers: 2,
  heads: 2,
  mlpWidth: 32,
  patchSize: 4,
  imageSize: 8,
  channels: 1,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};
const [CLASSES, SAMPLES] = [3, 22];
const labels = Int32Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);

let tower: RandomTower;
let dir: string;
beforeAll(async () => {
  tower = await randomTower(shape);
  dir = await mkdtemp(join(tmpdir(), "dualtail-finetune-"));
});
afterAll(async () => {
  await tower.remove();
  await rm(dir, { recursive: true });
});

/** Images whose class is a stripe; the augmentation adds noise. */
const load: Member["load"] = async (indices, out, uniform) => {
  for (const [row, index] of Array.from(indices).entries()) {
    for (let p = 0; p < 64; p++) {
      out[row * 64 + p] = Math.sin((p % 8) * (1 + labels[index]!)) + 0.1 * ((uniform?.() ?? 0.5) - 0.5);
    }
  }
};

const member = (prefix = ""): Member => ({
  prefix,
  shape,
  locate: tower.locate,
  load,
  headInit: Float32Array.from({ length: CLASSES * shape.width }, (_, i) => Math.cos(i)),
  headScale: 25,
  peft: [{ plugin: adaptformer as PeftPlugin, options: { bottleneck: 2 } }],
});

const options = (extra: Partial<FinetuneOptions> = {}): FinetuneOptions => ({
  members: [member()],
  classes: CLASSES,
  labels,
  loss: (g, [logits], y) => g.crossEntropy(logits!, y),
  epochs: 3,
  batchSize: 8,
  optimizer: sgd(),
  lr: 0.02,
  schedule: cosine,
  seed: 5,
  threads: 2,
  ...extra,
});

/** The parameters as bytes, so that equality means bit-equality. */
const bytes = (params: ReadonlyMap<string, Float32Array>) =>
  Object.fromEntries(
    [...params].map(([name, data]) => [
      name,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
    ]),
  );

describe("finetune", () => {
  it("learns: the loss falls and the training images are recognised", async () => {
    const losses: number[] = [];
    const result = await finetune(options({ epochs: 12, onStep: ({ loss }) => void losses.push(loss) }));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
    const predictor = await compilePredictor(member(), CLASSES, 8);
    const { logits } = await predictor.predict(load, SAMPLES, result.params);
    await predictor.release();
    const right = labels.filter((y, i) => {
      const row = Array.from(logits.subarray(i * CLASSES, (i + 1) * CLASSES));
      return row.indexOf(Math.max(...row)) === y;
    });
    expect(right.length).toBe(SAMPLES);
  });

  it("gives bit-equal parameters for the same seed, and others for another", async () => {
    const [first, again, other] = [
      await finetune(options()),
      await finetune(options()),
      await finetune(options({ seed: 6 })),
    ];
    expect(bytes(again.params)).toEqual(bytes(first.params));
    expect(bytes(other.params)).not.toEqual(bytes(first.params));
  });

  it.each([
    ["sgd", sgd()],
    ["adamw", adamw()],
  ])("resumes bit-equally from any step with %s", async (name, optimizer) => {
    const whole = await finetune(options({ optimizer }));
    // 3 epochs of 3 steps: stop inside an epoch, at its end, and right before the last step.
    for (const stopAt of [1, 3, 8]) {
      const checkpointDir = join(dir, `${name}-${stopAt}`);
      const stop = new AbortController();
      const onStep = ({ step }: { step: number }) => {
        if (step === stopAt - 1) stop.abort();
      };
      const stopped = finetune(options({ optimizer, checkpointDir, signal: stop.signal, onStep }));
      await expect(stopped).rejects.toThrowError(FinetuneAborted);
      const resumed = await finetune(options({ optimizer, checkpointDir }));
      expect(resumed.resumedFrom).toBe(stopAt);
      expect(bytes(resumed.params)).toEqual(bytes(whole.params));
      expect((await readdir(checkpointDir)).length).toBe(1);
    }
  });

  it("tells the epoch of the checkpoint it goes on from again, and clears up what a kill left beside it", async () => {
    const checkpointDir = join(dir, "killed");
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => {
      if (step === 5) stop.abort();
    };
    await expect(finetune(options({ checkpointDir, signal: stop.signal, onStep }))).rejects.toThrowError(
      FinetuneAborted,
    );
    // Killed between the rename of a checkpoint and the removal of the one before, and while another was written.
    await cp(join(checkpointDir, "step-00000006"), join(checkpointDir, "step-00000003"), { recursive: true });
    await mkdir(join(checkpointDir, ".step-00000007.tmp"));
    const epochs: number[] = [];
    const resumed = await finetune(options({ checkpointDir, onEpoch: (epoch) => void epochs.push(epoch) }));
    expect([resumed.resumedFrom, epochs]).toEqual([6, [1, 2]]);
    expect(await readdir(checkpointDir)).toEqual(["step-00000009"]);
    const again = await finetune(options({ checkpointDir, onEpoch: (epoch) => void epochs.push(epoch) }));
    expect([again.resumedFrom, epochs]).toEqual([9, [1, 2, 2]]);
    expect(bytes(again.params)).toEqual(bytes((await finetune(options())).params));
  });

  it.each([
    ["recompute", { recompute: true }],
    ["micro-batches", { microBatchSize: 2 }],
  ])("resumes bit-equally with %s", async (name, extra) => {
    const checkpointDir = join(dir, name);
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }) => {
      if (step === 3) stop.abort();
    };
    const stopped = finetune(options({ ...extra, checkpointDir, signal: stop.signal, onStep }));
    await expect(stopped).rejects.toThrowError(FinetuneAborted);
    const resumed = await finetune(options({ ...extra, checkpointDir }));
    expect(resumed.resumedFrom).toBe(4);
    expect(bytes(resumed.params)).toEqual(bytes((await finetune(options(extra))).params));
  });

  it("trains several members in one step, each with parameters of its own", async () => {
    const members = [member("a."), member("b.")];
    const loss: FinetuneOptions["loss"] = (g, logits, y) =>
      g.add(g.crossEntropy(logits[0]!, y), g.crossEntropy(logits[1]!, y));
    const { params } = await finetune(options({ members, loss }));
    expect(params.has("a.head.weight") && params.has("b.head.weight")).toBe(true);
  });

  it("accumulates micro-batches to the same result as whole batches, up to rounding", async () => {
    const still: Member = { ...member(), load: (indices, out) => load(indices, out) };
    const whole = await finetune(options({ members: [still] }));
    const parts = await finetune(options({ members: [still], microBatchSize: 2 }));
    for (const [name, values] of whole.params) {
      for (const [i, value] of values.entries()) expect(parts.params.get(name)![i]).toBeCloseTo(value, 4);
    }
    await expect(finetune(options({ microBatchSize: 3 }))).rejects.toThrowError(
      /3 does not divide train.batchSize 8/,
    );
  });

  it("refuses a checkpoint of another configuration, naming the tensor", async () => {
    const checkpointDir = join(dir, "other");
    await finetune(options({ epochs: 1, checkpointDir }));
    const wider = { ...member(), peft: [{ plugin: adaptformer as PeftPlugin, options: { bottleneck: 4 } }] };
    await expect(finetune(options({ members: [wider], checkpointDir }))).rejects.toThrowError(
      /adapters.safetensors: tensor "adaptformer.0.down.weight" is of another size/,
    );
  });
});
