import { describe, expect, it } from "vitest";
import { createAjv } from "../core/container/schema/ajv.ts";
import { plugin as clip } from "../plugins/backbones/clip/index.ts";
import { plugin as metaclip } from "../plugins/backbones/metaclip/index.ts";
import { plugin as openclip } from "../plugins/backbones/openclip/index.ts";

const context = { baseDir: "/configs" };

describe.each([clip, openclip, metaclip])("backbone $name", (plugin) => {
  const locate = (options: Record<string, unknown>) => {
    const validate = createAjv({ fillDefaults: true }).compile(plugin.options);
    const filled = { ...options };
    if (!validate(filled)) throw new Error(JSON.stringify(validate.errors));
    return plugin.locate(filled as never, context);
  };

  it("has a checkpoint by default, and others by name", () => {
    const published = {
      clip: ["openai/clip-vit-base-patch16", "openai/clip-vit-large-patch14"],
      openclip: ["laion/CLIP-ViT-B-16-laion2B-s34B-b88K", "laion/CLIP-ViT-L-14-laion2B-s32B-b82K"],
      metaclip: ["facebook/metaclip-b16-400m", "facebook/metaclip-l14-400m"],
    }[plugin.name];
    expect(locate({})).toEqual({ kind: "hub", repo: published?.[0], revision: "main" });
    expect(locate({ checkpoint: "vit-l-14" })).toEqual({
      kind: "hub",
      repo: published?.[1],
      revision: "main",
    });
  });

  it("takes a folder relative to the config's, or another repository", () => {
    expect(locate({ folder: "models/a" })).toEqual({ kind: "folder", path: "/configs/models/a" });
    expect(locate({ folder: "/models/a" })).toEqual({ kind: "folder", path: "/models/a" });
    expect(locate({ repo: "me/mine", revision: "refs/pr/7" })).toEqual({
      kind: "hub",
      repo: "me/mine",
      revision: "refs/pr/7",
    });
  });

  it("takes an image size and an activation in place of the checkpoint's", () => {
    const use = { imageSize: 336, activation: "quick_gelu" };
    expect(locate({ folder: "/models/a", ...use })).toEqual({ kind: "folder", path: "/models/a", ...use });
    expect(locate({ repo: "me/mine", activation: "gelu" })).toEqual({
      kind: "hub",
      repo: "me/mine",
      revision: "main",
      activation: "gelu",
    });
  });

  it.each([
    [{ imageSize: 0 }, /minimum/],
    [{ imageSize: 224.5 }, /integer/],
    [{ activation: "swish" }, /enum/],
    [{ checkpoint: "vit-z-9" }, /enum/],
    [{ repo: "not a repository" }, /pattern/],
    [{ repo: "../passwd" }, /pattern/],
    [{ revision: "../main" }, /pattern/],
    [{ revision: "a/../main" }, /pattern/],
    [{ folder: "" }, /minLength/],
    [{ path: "x" }, /additionalProperties/],
    [{ folder: "a", repo: "me/mine" }, /exclude each other/],
  ])("refuses %j", (options, message) => {
    expect(() => locate(options)).toThrow(message);
  });
});
