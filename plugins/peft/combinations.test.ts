import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildAdapted, shape } from "../../test/support/adapted-tower.ts";
import type { PeftChoice } from "../../test/support/choose-peft.ts";
import { type RandomTower, randomTower } from "../../test/support/random-tower.ts";

let tower: RandomTower;
beforeAll(async () => {
  tower = await randomTower(shape);
});
afterAll(() => tower.remove());

const build = (peft: readonly PeftChoice[]) => buildAdapted(tower, peft);

describe("methods that cannot be used together or like this", () => {
  it.each<{ peft: readonly PeftChoice[]; message: RegExp }>([
    {
      peft: [{ use: "bias" }, { use: "adapter" }, { use: "layer-norm" }],
      message: /^peft: "bias" and "layer-norm" both train the weight "vision_model.*layer_norm1.bias"$/,
    },
    {
      peft: [{ use: "last-k" }, { use: "full" }],
      message: /^peft: "last-k" and "full" both train the weight .*layers\.1\./,
    },
    {
      peft: [{ use: "vpt-shallow" }, { use: "ssf" }, { use: "vpt-deep" }],
      message: /^peft: "vpt-shallow" and "vpt-deep" both add tokens$/,
    },
    {
      peft: [{ use: "lora" }, { use: "lora", mlp: true }],
      message: /^peft: "lora" is listed twice and would have a parameter "lora\.0\.attn\.q\.a"$/,
    },
    { peft: [{ use: "lora", attention: false }], message: /^\/attention: peft lora: it adapts nothing$/ },
    {
      peft: [{ use: "ssf", attention: false, mlp: false, layerNorm: false }],
      message: /^\/attention: peft ssf: it adapts nothing$/,
    },
    {
      peft: [{ use: "last-k", blocks: 3 }],
      message: /^\/blocks: peft last-k: there are no blocks 3 in a model of 2$/,
    },
    {
      peft: [{ use: "adapter", blocks: [1, 1] }],
      message: /^\/blocks: peft adapter: there are no blocks \[1,1\] in a model of 2$/,
    },
  ])("$message", async ({ peft, message }) => {
    await expect(build(peft)).rejects.toThrow(message);
  });

  it("but the same method works on different blocks", async () => {
    const { params } = await build([
      { use: "lora", rank: 1, blocks: [0, 1] },
      { use: "lora", rank: 2, blocks: [1, 2] },
    ]);
    expect(params.filter(({ name }) => name.endsWith("q.a")).map(({ value }) => value.shape)).toEqual([
      [1, 8],
      [2, 8],
    ]);
  });
});
