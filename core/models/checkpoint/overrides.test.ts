import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { editJson, tinyClip } from "../../../test/support/edit-clip.ts";
import { describeError } from "../../errors.ts";
import { readWeight } from "../read-weight.ts";
import { openCheckpoint } from "./folder.ts";

const POSITIONS = "vision_model.embeddings.position_embedding.weight";

describe("a checkpoint opened for another image size", () => {
  it("has position embeddings, tokens and preprocessing for it, and everything else as before", async () => {
    const folder = await tinyClip();
    const own = await openCheckpoint(folder);
    const larger = await openCheckpoint(folder, { imageSize: 12 });
    expect(larger.config).toEqual({ ...own.config, vision: { ...own.config.vision, imageSize: 12 } });
    expect(larger.preprocessor).toEqual({
      ...own.preprocessor,
      imageSize: 12,
      resize: { shortestEdge: 12 },
      crop: { height: 12, width: 12 },
    });
    const { shape, data } = larger.locate(POSITIONS);
    expect(shape).toEqual([10, 16]);
    expect(data).toHaveLength(160);
    const [before, after] = [
      await readWeight(own.locate(POSITIONS)),
      await readWeight(larger.locate(POSITIONS)),
    ];
    expect(after).toEqual(data);
    expect([...after.subarray(0, 16)], "the class token's").toEqual([...before.subarray(0, 16)]);
    expect(larger.locate("logit_scale")).toEqual(own.locate("logit_scale"));
    expect(await larger.digest()).toBe(await own.digest());
  });

  it("keeps the file's embeddings at the checkpoint's own size", async () => {
    const { locate } = await openCheckpoint(await tinyClip(), { imageSize: 8 });
    expect(locate(POSITIONS).data).toBeUndefined();
  });

  it.each([
    [
      { size: 10, crop_size: 8 },
      { resize: { shortestEdge: 20 }, crop: { height: 16, width: 16 } },
    ],
    [
      { size: { height: 8, width: 8 }, do_center_crop: false },
      { resize: { height: 16, width: 16 }, crop: undefined },
    ],
    [{ do_resize: false }, { resize: undefined, crop: { height: 16, width: 16 } }],
  ])("scales preprocessing that says %j alike", async (json, expected) => {
    const folder = await tinyClip();
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(json));
    expect((await openCheckpoint(folder, { imageSize: 16 })).preprocessor).toMatchObject(expected);
  });

  it.each([
    [10, "such as 8 or 12"],
    [3, "such as 4 or 8"],
  ])("refuses %d pixels for patches of 4", async (imageSize, hint) => {
    const opened = openCheckpoint(await tinyClip(), { imageSize });
    expect(describeError(await opened.catch((thrown: unknown) => thrown))).toMatch(
      new RegExp(`images of ${imageSize} pixels cannot be cut into patches of 4 .*multiple of 4, ${hint}`),
    );
  });
});

describe("a checkpoint opened with another activation", () => {
  it("has it in both towers, whatever its config says", async () => {
    const folder = await tinyClip({ activation: "gelu" });
    await editJson(join(folder, "config.json"), (json) =>
      Object.assign(json.text_config, { hidden_act: "relu" }),
    );
    const { vision, text } = (await openCheckpoint(folder, { activation: "quick_gelu" })).config;
    expect([vision.activation, text.activation]).toEqual(["quick_gelu", "quick_gelu"]);
    const own = (await openCheckpoint(folder)).config;
    expect([own.vision.activation, own.text.activation]).toEqual(["gelu", "relu"]);
  });
});
