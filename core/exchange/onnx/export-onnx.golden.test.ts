import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { onnx as OnnxNamespace } from "onnx-proto";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { ONNX_CASES } from "../../../test/support/exchange-cases.ts";
import { floats, golden, IMAGES } from "../../../test/support/exchange-golden.ts";
import { expectParity } from "../../../test/support/parity.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { softmaxRows } from "../../evaluation/index.ts";
import { exportOnnx } from "./export-onnx.ts";
import type { Layout } from "./pixels.ts";

const { onnx } = createRequire(import.meta.url)("onnx-proto") as { onnx: typeof OnnxNamespace };
const CLASSES = 5;

/** The first images in the form that a model takes. */
function images(count: number, layout?: Layout): Tensor {
  if (layout === undefined) {
    return new Tensor("float32", floats(golden.pixels).slice(0, count * 3 * 64), [count, 3, 8, 8]);
  }
  const bytes = Uint8Array.from(Buffer.from(golden.bytes, "base64")).subarray(0, count * 3 * 64);
  if (layout === "nhwc") return new Tensor("uint8", bytes, [count, 8, 8, 3]);
  // Element (n, c, p) of the planes is (n, p, c) of the pixels.
  const planes = bytes.map(
    (_, i) => bytes[Math.floor(i / 192) * 192 + (i % 64) * 3 + (Math.floor(i / 64) % 3)]!,
  );
  return new Tensor("uint8", planes, [count, 3, 8, 8]);
}

describe("an exported ONNX file", () => {
  it("is of every kind that the references have run", () => {
    expect(Object.keys(ONNX_CASES).sort()).toEqual(Object.keys(golden.onnx).sort());
  });

  it.each(Object.entries(ONNX_CASES))(
    "%s gives torch's logits at any batch size",
    async (name, { model, options }) => {
      const folder = await temporaryFolder();
      const file = join(folder, "model.onnx");
      const written = await exportOnnx(await model(), file, options);
      expect(readdirSync(folder).sort()).toEqual(
        options.externalData ? ["model.onnx", "model.onnx.data"] : ["model.onnx"],
      );
      expect(written.files.map(({ path, bytes }) => [path, bytes])).toEqual(
        readdirSync(folder)
          .sort()
          .map((entry) => [join(folder, entry), readFileSync(join(folder, entry)).byteLength]),
      );
      const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
      const expected = floats(golden.onnx[name]!.logits);
      for (const batch of [1, 3, IMAGES]) {
        const out = await session.run({ pixel_values: images(batch, options.preprocessing) });
        const { logits, probabilities } = out as Record<string, Tensor>;
        expect([logits!.dims, probabilities!.dims]).toEqual([
          [batch, CLASSES],
          [batch, CLASSES],
        ]);
        expectParity({
          module: "ONNX out",
          what: `logits of ${name}, batch ${batch}`,
          reference: golden.torch,
          actual: logits!.data as Float32Array,
          expected: expected.subarray(0, batch * CLASSES),
          tolerance: 1e-5,
        });
        expectParity({
          module: "ONNX out",
          what: `probabilities of ${name}, batch ${batch}`,
          reference: golden.torch,
          actual: probabilities!.data as Float32Array,
          expected: softmaxRows(expected.subarray(0, batch * CLASSES), CLASSES),
          tolerance: 1e-4,
        });
      }
      await session.release();
    },
  );

  it("has standard operators only, a named batch dimension, class names and preprocessing", async () => {
    const file = join(await temporaryFolder(), "model.onnx");
    const model = await ONNX_CASES.lora!.model();
    await exportOnnx(model, file);
    const proto = onnx.ModelProto.decode(readFileSync(file));
    expect(proto.opsetImport.map(({ domain }) => domain)).toEqual([""]);
    const shapes = [...proto.graph!.input!, ...proto.graph!.output!].map(({ name, type }) => [
      name,
      type!.tensorType!.shape!.dim!.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)),
    ]);
    expect(shapes).toEqual([
      ["pixel_values", ["batch", 3, 8, 8]],
      ["logits", ["batch", 5]],
      ["probabilities", ["batch", 5]],
    ]);
    const metadata = Object.fromEntries(
      proto.metadataProps.map(({ key, value }) => [key!, JSON.parse(value!)]),
    );
    expect(metadata.class_names).toEqual(model.classNames);
    expect(metadata.preprocessing).toMatchObject({
      channels: 3,
      imageSize: 8,
      resize: { shortestEdge: 8 },
      mean: [0.48145466, 0.4578275, 0.40821073],
      normalised_in_graph: false,
    });
    expect(metadata.model.members[0]).toMatchObject({
      repo: "example/clip",
      peft: [{ use: "lora" }],
      head: { type: "cosine", scale: 25 },
    });
  });

  it("is smaller with half-precision weights left as they are, and gives the same numbers", async () => {
    const folder = await temporaryFolder();
    const model = await ONNX_CASES["lora-half"]!.model();
    const [wide, half] = [
      await exportOnnx(model, join(folder, "wide.onnx")),
      await exportOnnx(model, join(folder, "half.onnx"), { keepHalf: true }),
    ];
    expect(half.files[0]!.bytes).toBeLessThan(0.75 * wide.files[0]!.bytes);
    const logits = await Promise.all(
      [wide, half].map(async ({ files }) => {
        const session = await InferenceSession.create(files[0]!.path);
        const out = (await session.run({ pixel_values: images(3) })).logits!.data;
        await session.release();
        return out;
      }),
    );
    expect(logits[1]).toEqual(logits[0]);
  });
});
