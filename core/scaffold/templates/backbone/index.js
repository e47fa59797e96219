// @ts-check
import { defineBackbone } from "dualtail/plugin-api";

/** @typedef {{ repo: string, revision: string }} Options What `options` below describes. */

// A CLIP checkpoint on the Hugging Face hub: name your own. For a folder on this machine:
// locate: ({ folder }, { baseDir }) => ({ kind: "folder", path: path.resolve(baseDir, folder) })
export const plugin = defineBackbone({
  name: "my-backbone",
  summary: "A CLIP checkpoint from the Hugging Face hub",
  options: {
    type: "object",
    properties: {
      repo: {
        type: "string",
        pattern: "^\\w[\\w.-]*/\\w[\\w.-]*$",
        default: "openai/clip-vit-base-patch32",
        description: "Repository on the Hugging Face hub (owner/name)",
      },
      revision: { type: "string", minLength: 1, default: "main", description: "Branch, tag or commit" },
    },
    additionalProperties: false,
  },
  locate: (/** @type {Options} */ { repo, revision }) => ({ kind: "hub", repo, revision }),
});
