import type { PluginKind } from "../../container/kinds.ts";
import { PROMPT_SETS } from "../../models/prompts/index.ts";
import { evaluationSchema, headSchema, imagesSchema, modelsSchema, trainSchema } from "./schema-sections.ts";
import { DEVICES } from "./types.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** Schemas of the places where something is chosen by name; the validator's and the published ones differ there. */
export interface ChoiceSchemas {
  plugin(kind: PluginKind): Schema;
  readonly optimizer: Schema;
}

/**
 * JSON Schema (2020-12) of a comparison. Every property has a title and a description: they are what an editor shows,
 * and what docs/configuration.md is made of.
 */
export function comparisonSchema(choices: ChoiceSchemas): Schema {
  return {
    type: "object",
    title: "Comparison",
    description: "Which losses to compare, on which data, for which foundation models, and how to train.",
    additionalProperties: false,
    required: ["experiment", "dataset", "backbones", "peft", "losses"],
    properties: {
      $schema: {
        type: "string",
        title: "Schema",
        description: "Address of the JSON Schema, for editors; ignored otherwise.",
      },
      experiment: {
        type: "string",
        minLength: 1,
        maxLength: 250,
        title: "Experiment",
        description:
          "Name of the MLflow experiment that the comparison is logged to; created when it is missing.",
      },
      name: {
        type: "string",
        minLength: 1,
        maxLength: 250,
        title: "Name",
        description: "Name of this comparison's parent run. When absent: the experiment's name.",
      },
      dataset: {
        ...choices.plugin("dataset"),
        title: "Dataset",
        description: "The long-tailed data: a dataset's name, or its name under `use` with options.",
      },
      backbones: {
        type: "array",
        minItems: 1,
        items: choices.plugin("backbone"),
        title: "Backbones",
        description: "The foundation models to fine-tune; the strata of a backdoor-adjusted loss.",
      },
      peft: {
        ...oneOrMore(choices.plugin("peft")),
        title: "PEFT method",
        description:
          "How the image tower is adapted: one method, or a list of methods that are applied together. `none` trains the head alone.",
      },
      losses: {
        type: "array",
        minItems: 1,
        items: choices.plugin("loss"),
        title: "Losses",
        description: "The losses to compare. One may be listed several times with different options.",
      },
      seeds: {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        items: {
          type: "integer",
          minimum: 0,
          maximum: 4294967295,
          title: "Seed",
          description: "Everything random in a run (initial values, order, crops) comes from it.",
        },
        default: [0],
        title: "Seeds",
        description: "Every cell is run once per seed.",
      },
      head: headSchema,
      prompt: {
        anyOf: [
          {
            type: "string",
            pattern: `\\{\\}|^(${Object.keys(PROMPT_SETS).join("|")})$`,
            description: `Write {} where the class name belongs, or name a set: ${Object.keys(PROMPT_SETS).join(", ")}.`,
          },
          {
            type: "array",
            minItems: 1,
            items: {
              type: "string",
              pattern: "\\{\\}",
              description: "Write {} where the class name belongs.",
            },
          },
        ],
        default: "a photo of a {}.",
        title: "Prompt",
        description:
          "Template of the text for a class, `{}` standing for its name; the features of several are averaged. Or a named set: `default` (a photo of a {}.), `class-name` ({}), `ensemble` (the 80 templates of CLIP's ImageNet ensemble).",
      },
      train: trainSchema(choices.optimizer),
      evaluation: evaluationSchema,
      images: imagesSchema,
      models: modelsSchema,
      device: {
        enum: DEVICES,
        default: "cpu",
        title: "Device",
        description:
          "Where the graphs run. `cuda` needs onnxruntime-node's CUDA files, which are not installed by default.",
      },
      threads: {
        type: "integer",
        minimum: 1,
        maximum: 1024,
        title: "Threads",
        description:
          "CPU threads for one graph. When absent: one per core. Results are bit-equal for equal thread counts.",
      },
      output: {
        type: "string",
        minLength: 1,
        default: ".dualtail/runs",
        title: "Output folder",
        description:
          "Where runs keep checkpoints and journals; relative to the folder that dualtail is started in.",
      },
      plugins: {
        type: "array",
        uniqueItems: true,
        items: {
          type: "string",
          minLength: 1,
          title: "Plugin",
          description:
            "A file (starting with ./ or /, relative to this file) or an npm package. It is imported and run.",
        },
        default: [],
        title: "Plugins",
        description: "Plugins beyond the built-in ones. Only what is named here is imported.",
      },
    },
  };
}

/** One choice, or a list of them. */
function oneOrMore(choice: Schema): Schema {
  const list = { type: "array", minItems: 1, items: choice };
  // Side by side where the choice has branches of its own, so that a value that fits none is told all of them.
  return { anyOf: [...(Array.isArray(choice.anyOf) ? choice.anyOf : [choice]), list] };
}
