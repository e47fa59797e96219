import { definePeft } from "../../../core/plugin-api/index.ts";
import { promptTokens, tokensOption } from "../shared/prompts.ts";

interface VptShallowOptions {
  readonly tokens: number;
}

export const plugin = definePeft<VptShallowOptions>({
  name: "vpt-shallow",
  summary:
    "Learned tokens after the image's own, which enter before the first block and stay (Jia et al., 2022), as in LIFT",
  options: { type: "object", properties: { tokens: tokensOption }, additionalProperties: false },
  startsAtIdentity: false,
  begin: (tower, param, { tokens }) => ({
    prompt: (_g, block) =>
      block === 0
        ? { tokens: promptTokens(tower, param, "vpt-shallow.tokens", tokens), stays: true }
        : undefined,
  }),
});
