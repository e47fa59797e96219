import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readWeight } from "../../core/models/read-weight.ts";
import { buildAdapted, layers, runAdapted, shape } from "../../test/support/adapted-tower.ts";
import type { PeftChoice } from "../../test/support/choose-peft.ts";
import { type RandomTower, randomTower } from "../../test/support/random-tower.ts";
import { defaultBottleneck } from "./shared/bottleneck.ts";

let tower: RandomTower;
beforeAll(async () => {
  tower = await randomTower(shape);
});
afterAll(() => tower.remove());

const build = (peft: readonly PeftChoice[]) => buildAdapted(tower, peft);
const adapted = (peft: readonly PeftChoice[]) => runAdapted(tower, peft);

describe("starting values", () => {
  it("are LIFT's", async () => {
    const { values } = await adapted([
      { use: "adaptformer", bottleneck: 64 },
      { use: "lora", rank: 64 },
      { use: "vpt-shallow", tokens: 100 },
      { use: "ssf" },
    ]);
    const of = (pattern: RegExp) => {
      const own = [...values].filter(([name]) => pattern.test(name)).flatMap(([, data]) => [...data]);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      const square = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
      return { mean, std: Math.sqrt(square), largest: Math.max(...own.map(Math.abs)), size: own.length };
    };
    // Four standard errors of a standard deviation.
    const near = (std: number, size: number) => [
      std * (1 - 4 / Math.sqrt(2 * size)),
      std * (1 + 4 / Math.sqrt(2 * size)),
    ];
    const expectStd = (pattern: RegExp, std: number) => {
      const measured = of(pattern);
      const [low, high] = near(std, measured.size) as [number, number];
      expect(measured.std).toBeGreaterThan(low);
      expect(measured.std).toBeLessThan(high);
      return measured;
    };
    expectStd(/down\.weight/, Math.sqrt(2 / 6 / 8));
    expectStd(/ssf.*scale/, 0.02);
    expectStd(/ssf.*shift/, 0.02);
    expect(of(/ssf.*scale/).mean).toBeCloseTo(1, 2);
    const a = expectStd(/lora.*\.a$/, 1 / Math.sqrt(64) / Math.sqrt(3));
    expect(a.largest).toBeLessThanOrEqual(1 / Math.sqrt(64));
    const bound = Math.sqrt(6 / (3 * 2 ** 2 + 8));
    expect(expectStd(/vpt/, bound / Math.sqrt(3)).largest).toBeLessThanOrEqual(bound);
    for (const pattern of [/up\.(weight|bias)/, /down\.bias/, /ln\.bias/, /lora.*\.b$/])
      expect(of(pattern).largest).toBe(0);
    for (const pattern of [/\.scale$/, /ln\.weight/].map((end) => new RegExp(`adaptformer.*${end.source}`)))
      expect(of(pattern)).toMatchObject({ mean: 1, std: 0 });
  });

  it("of trained weights are the checkpoint's", async () => {
    const { values } = await adapted([{ use: "full" }]);
    const name = `${layers}.1.mlp.fc1.weight`;
    expect(values.get(name)).toEqual(await readWeight(tower.locate(name)));
    expect(values.size).toBe(2 * 16);
  });

  it("have LIFT's default sizes", async () => {
    // Places365-LT, ImageNet-LT, iNaturalist 2018 and CIFAR-100 with ViT-B/16.
    expect([365, 1000, 8142, 100].map((classes) => defaultBottleneck(classes, 12))).toEqual([8, 32, 256, 4]);
    expect([3, 24, 47, 48, 192].map((classes) => defaultBottleneck(classes, 12))).toEqual([1, 1, 1, 2, 8]);
    // 100 classes, 2 blocks: 2^4.
    const { params } = await build([{ use: "lora" }, { use: "adapter" }, { use: "vpt-deep" }]);
    const shapes = Object.fromEntries(params.map(({ name, value }) => [name, value.shape]));
    expect(shapes).toMatchObject({
      "lora.0.attn.q.a": [16, 8],
      "adapter.1.down.weight": [16, 8],
      "vpt-deep.0.tokens": [10, 8],
    });
  });
});
