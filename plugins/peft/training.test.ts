import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readWeight } from "../../core/models/read-weight.ts";
import { finetune } from "../../core/training/finetune.ts";
import { sgd } from "../../core/training/optimizers/index.ts";
import { layers, NORMS, shape } from "../../test/support/adapted-tower.ts";
import { choosePefts } from "../../test/support/choose-peft.ts";
import { type RandomTower, randomTower } from "../../test/support/random-tower.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";

let tower: RandomTower;
beforeAll(async () => {
  tower = await randomTower(shape);
});
afterAll(() => tower.remove());

describe("training", () => {
  it("moves the checkpoint's own weights, and goes on from where it stopped", async () => {
    const dir = await temporaryFolder();
    const labels = Int32Array.from({ length: 8 }, (_, i) => i % 2);
    const peft = await choosePefts([{ use: "layer-norm" }, { use: "vpt-deep", tokens: 2 }]);
    const losses: number[] = [];
    const train = (epochs: number) =>
      finetune({
        members: [
          {
            prefix: "m.",
            shape,
            locate: tower.locate,
            peft,
            headInit: Float32Array.from({ length: 16 }, (_, i) => Math.cos(i)),
            headScale: 10,
            load: async (indices, out) => {
              for (const [row, index] of Array.from(indices).entries())
                for (let p = 0; p < 16; p++) out[row * 16 + p] = (labels[index]! - 0.5) * 20 * Math.sin(p);
            },
          },
        ],
        classes: 2,
        labels,
        loss: (g, [logits], y) => g.crossEntropy(logits!, y),
        epochs,
        batchSize: 4,
        optimizer: sgd(),
        lr: 0.02,
        schedule: () => 1,
        seed: 1,
        threads: 1,
        checkpointDir: dir,
        onStep: ({ loss }) => void losses.push(loss),
      });
    await train(4);
    const { params, trainable, resumedFrom } = await train(12);
    expect(resumedFrom).toBe(8);
    // Two steps an epoch.
    const [first, last] = [losses.slice(0, 2), losses.slice(-2)].map(([a, b]) => (a! + b!) / 2);
    expect(last).toBeLessThan(0.7 * first!);
    expect(trainable).toBe(2 * NORMS + 2 * 2 * 8 + 2 * 8);
    const name = `${layers}.0.layer_norm2.weight`;
    const start = await readWeight(tower.locate(name));
    expect(params.get(`m.${name}`)!.every((value, i) => value !== start[i])).toBe(true);
  });
});
