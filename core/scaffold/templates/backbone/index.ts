import { defineBackbone } from "dualtail/plugin-api";

/** What `options` below describes. */
interface Options {
  readonly repo: string;
  readonly revision: string;
}

// A CLIP checkpoint on the Hugging Face hub: name your own. For a folder on this machine:
// locate: ({ folder }, { baseDir }) => ({ kind: "folder", path: path.resolve(baseDir, folder) })
export const plugin = defineBackbone<Options>({
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
  locate: ({ repo, revision }) => ({ kind: "hub", repo, revision }),
});
