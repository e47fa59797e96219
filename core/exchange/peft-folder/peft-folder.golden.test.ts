import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  baseLocation,
  EXCHANGE,
  methodNamed,
  OWN_FOLDERS,
  type OwnFolder,
  ownModel,
} from "../../../test/support/exchange-cases.ts";
import { floats, golden, IMAGES } from "../../../test/support/exchange-golden.ts";
import { expectParity } from "../../../test/support/parity.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { createGraph } from "../../graph/index.ts";
import { openCheckpoint } from "../../models/checkpoint/folder.ts";
import { classifier } from "../../models/classifier.ts";
import { frozenWeights } from "../../models/frozen-weights.ts";
import { compile } from "../../runtime/index.ts";
import { finetune } from "../../training/finetune.ts";
import { sgd } from "../../training/optimizers/index.ts";
import { schedules } from "../../training/schedule.ts";
import { exportPeftFolder } from "./export-peft.ts";
import { importPeftFolder } from "./import-peft.ts";

/** Features of the golden images with an adapter folder on its base model. */
async function featuresWith(folder: string, base: string): Promise<Float32Array> {
  const { config, locate } = await openCheckpoint(join(EXCHANGE, base));
  const { method, options, params } = await importPeftFolder(folder, { layers: config.vision.layers });
  const g = createGraph();
  const built = classifier(g, g.input("pixels", "float32", [IMAGES, 3, 8, 8]), {
    shape: config.vision,
    weights: frozenWeights(g, locate),
    locate,
    classes: 2,
    peft: [{ plugin: methodNamed(method), options }],
    headScale: 1,
  });
  const declared = built.params.map(({ name }) => name).filter((name) => !name.startsWith("head."));
  expect([...params.keys()].sort()).toEqual(declared.sort());
  const program = await compile(g, { features: built.features }, { threads: 1 });
  try {
    const out = await program.run({ pixels: floats(golden.pixels), ...Object.fromEntries(params) });
    return out.features as Float32Array;
  } finally {
    await program.release();
  }
}

describe("folders that Hugging Face peft has written", () => {
  it.each(Object.entries(golden.peft))(
    "%s gives the same features here",
    async (name, { base, features }) => {
      expectParity({
        module: "PEFT folder in",
        what: `features with ${name}`,
        reference: golden.reference,
        actual: await featuresWith(join(EXCHANGE, name), base),
        expected: floats(features),
        tolerance: 1e-5,
      });
    },
  );

  it("say what they were trained on and what was adapted", async () => {
    const stabilised = await importPeftFolder(join(EXCHANGE, "peft-rslora-half"));
    expect(stabilised).toMatchObject({
      method: "lora",
      // 3 / √4 = 6 / 4
      options: { rank: 4, alpha: 6, modules: ["q", "v"], blocks: [1, 3] },
      base: { nameOrPath: "example/clip", revision: undefined },
    });
    expect(stabilised.head).toBeUndefined();
    expect((await importPeftFolder(join(EXCHANGE, "peft-lora"))).options).toEqual({
      rank: 3,
      alpha: 6,
      modules: ["q", "k", "v", "out", "fc1", "fc2"],
      blocks: [0, 3],
    });
  });

  it("are what training starts from", async () => {
    const { config, locate } = await openCheckpoint(join(EXCHANGE, "clip"));
    const { method, options, params } = await importPeftFolder(join(EXCHANGE, "peft-lora"));
    const member = {
      shape: config.vision,
      locate,
      peft: [{ plugin: methodNamed(method), options }],
      headScale: 10,
      prefix: "only.",
      load: async (_indices: ArrayLike<number>, out: Float32Array) =>
        void out.set(floats(golden.pixels).subarray(0, out.length)),
    };
    const train = (epochs: number, starts: ReadonlyMap<string, Float32Array> = params) =>
      finetune({
        members: [{ ...member, starts }],
        classes: 2,
        labels: Int32Array.of(0, 1),
        loss: (g, [logits], labels) => g.crossEntropy(logits!, labels),
        epochs,
        batchSize: 2,
        optimizer: sgd({ momentum: 0, weightDecay: 0 } as never),
        lr: 0.1,
        schedule: schedules.constant,
        seed: 0,
        threads: 1,
      });
    const [before, after] = [await train(0), await train(1)];
    for (const [name, values] of params) {
      expect(before.params.get(`only.${name}`)).toEqual(values);
      expect(after.params.get(`only.${name}`)).not.toEqual(values);
    }
    const wrong = (name: string, length: number) => train(0, new Map([[name, new Float32Array(length)]]));
    await expect(wrong("lora.0.attn.q.a", 16)).rejects.toThrowError(/has 48 elements, the values .* 16/);
    await expect(wrong("lora.9.attn.q.a", 48)).rejects.toThrowError(
      /there is no parameter "lora\.9\.attn\.q\.a"/,
    );
  });
});

describe("folders that dualtail writes", () => {
  it.each(Object.entries(golden.own))("%s gives here what it gives in peft", async (name, { features }) => {
    const { base } = OWN_FOLDERS[name as OwnFolder];
    expectParity({
      module: "PEFT folder out",
      what: `features with ${name}`,
      reference: golden.reference,
      actual: await featuresWith(join(EXCHANGE, name), base),
      expected: floats(features),
      tolerance: 1e-5,
    });
  });

  it.each(Object.entries(golden.own))(
    "%s is, byte for byte, the one that peft has loaded",
    async (name, { digest }) => {
      const folder = await temporaryFolder();
      const model = await ownModel(name as OwnFolder);
      const { base, peft } = OWN_FOLDERS[name as OwnFolder];
      const [member] = model.members;
      expect(member!.location).toEqual(baseLocation(base));
      expect(member!.peft.map(({ plugin, options }) => ({ use: plugin.name, options }))).toEqual([peft]);
      await exportPeftFolder(model, member!, folder);
      const written = readdirSync(folder).sort();
      expect(written).toEqual(Object.keys(digest).sort());
      for (const file of written) {
        const sha256 = createHash("sha256")
          .update(readFileSync(join(folder, file)))
          .digest("hex");
        expect(sha256, file).toBe(digest[file]);
      }
    },
  );
});
