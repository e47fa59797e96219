import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../core/models/checkpoint/folder.ts";
import type { HubCheckpoint } from "../core/plugin-api/index.ts";
import clip from "../plugins/backbones/clip/checkpoints.json" with { type: "json" };
import metaclip from "../plugins/backbones/metaclip/checkpoints.json" with { type: "json" };
import openclip from "../plugins/backbones/openclip/checkpoints.json" with { type: "json" };
import { publishedLayouts, tensorsOf, writePublished } from "./support/published-checkpoint.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

const published = Object.entries({ clip, openclip, metaclip }).flatMap(([backbone, { checkpoints }]) =>
  Object.entries(checkpoints as Record<string, HubCheckpoint>).flatMap(([key, checkpoint]) =>
    Object.entries(publishedLayouts(checkpoint.repo)).map(([layout, files]) => ({
      backbone,
      key,
      layout,
      checkpoint,
      repo: checkpoint.repo,
      files,
    })),
  ),
);

describe("published checkpoints open by their real file layout", () => {
  it.each(published)("$repo, $layout layout", async ({ checkpoint, layout, files }) => {
    const folder = await temporaryFolder();
    await writePublished(folder, files);
    const opened = await openCheckpoint(folder);
    const { activation, projectionDim, vision, text, parameters } = checkpoint;
    expect(opened.layout).toBe(layout);
    expect(opened.config).toMatchObject({
      projectionDim,
      vision: { ...vision, activation, channels: 3, layerNormEps: 1e-5 },
      text: { ...text, activation, layerNormEps: 1e-5 },
    });
    expect(opened.preprocessor).toMatchObject({
      resize: { shortestEdge: vision.imageSize },
      crop: { height: vision.imageSize, width: vision.imageSize },
      filter: "bicubic",
      mean: [0.48145466, 0.4578275, 0.40821073],
      std: [0.26862954, 0.26130258, 0.27577711],
    });
    const tensors = [...tensorsOf(Object.values(files.weights).flat())];
    expect(opened.weights.tensors.size).toBe(tensors.length);
    const numbers = tensors.filter(([name]) => !name.endsWith("position_ids"));
    expect(
      numbers.reduce((sum, [, { shape }]) => sum + shape.reduce((product, size) => product * size, 1), 0),
    ).toBe(parameters);
    const last = `vision_model.encoder.layers.${vision.layers - 1}.self_attn.v_proj.weight`;
    expect(opened.locate(last)).toMatchObject({
      dtype: "float32",
      shape: [vision.width, vision.width],
      length: 4 * vision.width ** 2,
    });
    expect(opened.locate("visual_projection.weight").shape).toEqual([projectionDim, vision.width]);
  });

  it("of every backbone, and no others are kept", () => {
    const kept = readdirSync(fileURLToPath(new URL("fixtures/checkpoints", import.meta.url)));
    const named = new Set(published.map(({ repo }) => `${repo.replace("/", "--")}.json`));
    expect(kept.sort()).toEqual([...named].sort());
    expect(new Set(published.map(({ repo, layout }) => `${repo} ${layout}`)).size).toBe(14);
  });

  it("and are read in Hugging Face's layout where a repository has both", async () => {
    const folder = await temporaryFolder();
    const layouts = publishedLayouts("laion/CLIP-ViT-B-16-laion2B-s34B-b88K");
    await writePublished(folder, layouts.open_clip!);
    await writePublished(folder, layouts["Hugging Face"]!);
    expect((await openCheckpoint(folder)).layout).toBe("Hugging Face");
  });
});
