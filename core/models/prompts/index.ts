import imagenet from "./imagenet-templates.json" with { type: "json" };

/** Named prompt sets; `{}` stands for the class name. */
export const PROMPT_SETS = {
  default: ["a photo of a {}."],
  "class-name": ["{}"],
  ensemble: imagenet.templates,
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type PromptSetName = keyof typeof PROMPT_SETS;

/** The templates of a set by its name, else the template or templates given. */
export function promptTemplates(prompt: string | readonly string[]): readonly string[] {
  if (typeof prompt !== "string") return prompt;
  return Object.hasOwn(PROMPT_SETS, prompt) ? PROMPT_SETS[prompt as PromptSetName] : [prompt];
}

/** The name of the set that has just these templates. */
export function promptSetOf(templates: readonly string[]): PromptSetName | undefined {
  const names = Object.keys(PROMPT_SETS) as PromptSetName[];
  return names.find((name) => JSON.stringify(PROMPT_SETS[name]) === JSON.stringify(templates));
}
