import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ATTENTION,
  type ChangeValues,
  layers,
  MLP,
  NORMS,
  runAdapted,
  shape,
} from "../../test/support/adapted-tower.ts";
import type { PeftChoice } from "../../test/support/choose-peft.ts";
import { type RandomTower, randomTower } from "../../test/support/random-tower.ts";

let tower: RandomTower;
beforeAll(async () => {
  tower = await randomTower(shape);
});
afterAll(() => tower.remove());

const adapted = (peft: readonly PeftChoice[], change?: ChangeValues) => runAdapted(tower, peft, change);
const count = (values: ReadonlyMap<string, Float32Array>) =>
  [...values.values()].reduce((sum, { length }) => sum + length, 0);

/** `reached` is a parameter whose gradient is not zero at the start. */
describe.each<{
  name: string;
  peft: readonly PeftChoice[];
  reached: string;
  count: number;
  identity: boolean;
}>([
  {
    name: "adaptformer",
    peft: [{ use: "adaptformer", bottleneck: 3 }],
    reached: "adaptformer.0.up.weight",
    count: 2 * (16 + 24 + 3 + 24 + 8 + 1),
    identity: true,
  },
  {
    name: "adapter",
    peft: [{ use: "adapter", bottleneck: 3 }],
    reached: "adapter.0.up.weight",
    count: 2 * (16 + 24 + 3 + 24 + 8),
    identity: true,
  },
  {
    name: "lora",
    peft: [{ use: "lora", rank: 2 }],
    reached: "lora.0.attn.q.b",
    count: 2 * 2 * (16 + 16),
    identity: true,
  },
  {
    name: "lora with MLP, as peft starts it",
    peft: [{ use: "lora", rank: 2, mlp: true, init: "peft" }],
    reached: "lora.0.mlp.fc1.b",
    count: 2 * (2 * 32 + 2 * (16 + 32)),
    identity: true,
  },
  {
    name: "lora of the last block",
    peft: [{ use: "lora", rank: 2, blocks: 1 }],
    reached: "lora.1.attn.v.b",
    count: 2 * 32,
    identity: true,
  },
  {
    name: "vpt-shallow",
    peft: [{ use: "vpt-shallow", tokens: 3 }],
    reached: "vpt-shallow.tokens",
    count: 3 * 8,
    identity: false,
  },
  {
    name: "vpt-deep",
    peft: [{ use: "vpt-deep", tokens: 3 }],
    reached: "vpt-deep.1.tokens",
    count: 2 * 3 * 8,
    identity: false,
  },
  {
    name: "ssf",
    peft: [{ use: "ssf" }],
    reached: "ssf.0.attn.v.scale",
    count: 2 * 2 * (2 * 8 + 4 * 8 + 16 + 8),
    identity: false,
  },
  {
    name: "ssf of the MLP",
    peft: [{ use: "ssf", attention: false, layerNorm: false }],
    reached: "ssf.1.mlp.fc1.shift",
    count: 2 * 2 * (16 + 8),
    identity: false,
  },
  {
    name: "bias",
    peft: [{ use: "bias" }],
    reached: `${layers}.0.mlp.fc1.bias`,
    count: 2 * (2 * 8 + 4 * 8 + 16 + 8),
    identity: true,
  },
  {
    name: "layer-norm",
    peft: [{ use: "layer-norm" }],
    reached: `${layers}.0.layer_norm1.weight`,
    count: 2 * NORMS,
    identity: true,
  },
  {
    name: "last-k",
    peft: [{ use: "last-k" }],
    reached: `${layers}.1.self_attn.k_proj.weight`,
    count: NORMS + ATTENTION + MLP,
    identity: true,
  },
  {
    name: "full",
    peft: [{ use: "full" }],
    reached: `${layers}.0.self_attn.k_proj.weight`,
    count: 2 * (NORMS + ATTENTION + MLP),
    identity: true,
  },
  {
    name: "adaptformer, lora and layer-norm",
    peft: [{ use: "adaptformer", bottleneck: 3 }, { use: "lora", rank: 2 }, { use: "layer-norm" }],
    reached: `${layers}.1.layer_norm2.bias`,
    count: 2 * (16 + 24 + 3 + 24 + 8 + 1) + 2 * 2 * (16 + 16) + 2 * NORMS,
    identity: true,
  },
])("$name", ({ peft, reached, count: expected, identity }) => {
  it(identity ? "leaves the model as it is at the start" : "starts elsewhere than the model", async () => {
    const { features } = await adapted(peft);
    const plain = await adapted([]);
    const distance = Math.max(...features.map((value, i) => Math.abs(value - plain.features[i]!)));
    if (identity) expect(distance).toBeLessThan(5e-6);
    else expect(distance).toBeGreaterThan(1e-4);
  });

  it("has the expected parameters, and a gradient reaches them", async () => {
    const { values, gradient } = await adapted(peft);
    expect(count(values)).toBe(expected);
    expect(gradient(reached).some((value) => Math.abs(value) > 1e-6)).toBe(true);
  });

  it("changes the model once its parameters are others", async () => {
    const { features } = await adapted(peft, (_, values) =>
      values.forEach((value, i) => {
        values[i] = value + Math.sin(5 * i);
      }),
    );
    const plain = await adapted([]);
    expect(Math.max(...features.map((value, i) => Math.abs(value - plain.features[i]!)))).toBeGreaterThan(
      1e-2,
    );
  });
});
