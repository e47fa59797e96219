import { DEVICES } from "../../comparison/config/index.ts";
import type { Schema } from "../../comparison/config/schema.ts";
import type { PluginKind } from "../../container/index.ts";

const limit = (value: number, title: string, description: string, minimum = 1): Schema => ({
  type: "integer",
  minimum,
  default: value,
  title,
  description,
});

const names = (title: string, description: string): Schema => ({
  type: "array",
  uniqueItems: true,
  items: { type: "string", minLength: 1 },
  title,
  description,
});

/** Things by the names that requests use for them. */
const offers = (entry: Schema, title: string, description: string): Schema => ({
  type: "object",
  minProperties: 1,
  propertyNames: { pattern: "^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$" },
  additionalProperties: entry,
  title,
  description,
});

/** JSON Schema (2020-12) of the file that `dualtail serve` reads. */
export function serveSchema(plugin: (kind: PluginKind) => Schema): Schema {
  return {
    type: "object",
    title: "Server",
    description: "What `dualtail serve` watches, and what requests may ask of it.",
    additionalProperties: false,
    required: ["experiments", "datasets", "backbones"],
    properties: {
      $schema: {
        type: "string",
        title: "Schema",
        description: "Address of the JSON Schema, for editors; ignored otherwise.",
      },
      experiments: {
        ...names("Experiments", "Names of the MLflow experiments to watch; created when they are missing."),
        minItems: 1,
      },
      datasets: offers(
        plugin("dataset"),
        "Datasets",
        "The data that requests may use, by the name they use for it: a dataset's name, or its name under `use` with options.",
      ),
      backbones: offers(
        plugin("backbone"),
        "Backbones",
        "The foundation models that requests may use, by the name they use for them.",
      ),
      presets: {
        type: "object",
        propertyNames: { pattern: "^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$" },
        additionalProperties: { type: "object" },
        default: {},
        title: "Presets",
        description:
          "Configs by name, whole or in part, as a request holds them: datasets and backbones by the names offered here.",
      },
      limits: {
        type: "object",
        additionalProperties: false,
        default: {},
        title: "Limits",
        description: "What is refused. A requester is whoever the run says its user is.",
        properties: {
          queue: limit(20, "Queue", "Comparisons that wait."),
          perRequester: limit(4, "Per requester", "Comparisons of one requester that wait or run."),
          perHour: limit(20, "Per hour", "Requests taken from one requester within an hour."),
          tagCharacters: limit(32_000, "Characters", "Characters of one request.", 1000),
          trainings: limit(100, "Trainings", "Trainings that one requester gets within 24 hours."),
          epochs: limit(100, "Epochs", "Epochs of one training."),
          batchSize: limit(512, "Batch size", "Images per update or forward pass."),
          templates: limit(
            100,
            "Templates",
            "Templates of a prompt; each is a text per class for every backbone.",
          ),
        },
      },
      allow: {
        type: "object",
        additionalProperties: false,
        default: {},
        title: "Allow",
        description: "What requests may choose beyond datasets and backbones.",
        properties: {
          device: {
            type: "array",
            minItems: 1,
            uniqueItems: true,
            items: { enum: DEVICES },
            default: ["cpu"],
            title: "Devices",
            description: "Where requests may compute; the first is the default.",
          },
          pefts: names(
            "PEFT methods",
            "Names of PEFT methods. When absent: all built-in ones and those of `plugins`.",
          ),
          losses: names("Losses", "Names of losses. When absent: all built-in ones and those of `plugins`."),
        },
      },
      interval: {
        type: "number",
        minimum: 0.2,
        maximum: 3600,
        default: 3,
        title: "Interval",
        description: "Seconds between two looks at MLflow.",
      },
      threads: {
        type: "integer",
        minimum: 1,
        maximum: 1024,
        title: "Threads",
        description: "CPU threads for one graph. When absent: one per core.",
      },
      output: {
        type: "string",
        minLength: 1,
        default: ".dualtail/runs",
        title: "Output folder",
        description: "Where runs keep checkpoints; relative to the folder that dualtail is started in.",
      },
      plugins: {
        type: "array",
        uniqueItems: true,
        items: { type: "string", minLength: 1 },
        default: [],
        title: "Plugins",
        description: "Plugins beyond the built-in ones, as in a comparison. Imported when the server starts.",
      },
    },
  };
}
