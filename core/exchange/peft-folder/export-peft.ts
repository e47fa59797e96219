import { join } from "node:path";
import { DualtailError } from "../../errors.ts";
import { writeSafetensors } from "../../models/checkpoint/safetensors.ts";
import { writeAtomically } from "../../models/checkpoint/write-atomically.ts";
import type { TrainedMember, TrainedModel } from "../trained-model/trained-model.ts";
import { coverageOf, listing } from "./coverage.ts";
import type { ModuleTensor, PeftFormat } from "./format.ts";
import { FORMATS } from "./formats.ts";
import { HEAD_PREFIX, writeHead } from "./head.ts";
import { tensorNames } from "./names.ts";

/**
 * Writes a fine-tuned backbone as a folder that `peft.PeftModel.from_pretrained` loads, with the head beside the
 * adapter. Tensors are there under the module paths of transformers 4 and of transformers 5.
 * @throws DualtailError for methods that Hugging Face peft has not, or that one folder cannot hold together, and for
 * strata inside the backbone
 */
export async function exportPeftFolder(
  model: Pick<TrainedModel, "label" | "classNames" | "loss">,
  member: TrainedMember,
  folder: string,
): Promise<void> {
  const { location, checkpoint, headType, headScale, label } = member;
  if (member.strata) {
    throw new DualtailError(
      `"${model.label}" has strata inside its backbone, which a PEFT folder cannot hold`,
      {
        hint: "dualtail export onnx writes the whole classifier",
      },
    );
  }
  const isHead = (name: string) => name.startsWith(HEAD_PREFIX);
  const adapter = [...member.params].filter(([name]) => !isHead(name));
  const { format, tensors } = inFormat(member, adapter);
  const coverage = coverageOf(tensors);
  const whole = coverage.from === 0 && coverage.to === checkpoint.config.vision.layers;
  const config = {
    ...format.config(tensors, member.peft.find(({ plugin }) => plugin.name === format.method)?.options ?? {}),
    ...(whole ? {} : format.someBlocks(tensors, coverage)),
    peft_type: format.peftType,
    task_type: null,
    inference_mode: true,
    base_model_name_or_path: location.kind === "hub" ? location.repo : location.path,
    revision: location.kind === "hub" ? location.revision : null,
    auto_mapping: {
      base_model_class: "CLIPVisionModel",
      parent_library: "transformers.models.clip.modeling_clip",
    },
  };
  await writeSafetensors(
    join(folder, "adapter_model.safetensors"),
    Object.fromEntries(
      tensors.flatMap(({ param, tensor, ...place }) =>
        tensorNames(place, tensor).map((name) => [name, param]),
      ),
    ),
    { format: "pt" },
  );
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeAtomically(join(folder, "adapter_config.json"), [
    Buffer.from(`${JSON.stringify(sorted, null, 2)}\n`),
  ]);
  await writeHead(
    folder,
    {
      label: model.label,
      classNames: model.classNames,
      loss: model.loss,
      backbone: { label, location },
      head: { type: headType, scale: headScale },
      preprocessing: checkpoint.preprocessor,
    },
    new Map([...member.params].filter(([name]) => isHead(name))),
  );
}

function inFormat(
  { peft, label }: TrainedMember,
  adapter: readonly (readonly [string, ModuleTensor["param"]])[],
): { format: PeftFormat; tensors: ModuleTensor[] } {
  const known = FORMATS.map(({ method }) => method).join(", ");
  if (adapter.length === 0) {
    throw new DualtailError(`${label}: only the head was trained, so there is no adapter to write`, {
      hint: "dualtail export onnx writes the whole classifier",
    });
  }
  const placed = FORMATS.map((format) => ({
    format,
    tensors: adapter.flatMap(([name, param]): ModuleTensor[] => {
      const place = format.place(name);
      return place ? [{ ...place, param }] : [];
    }),
  }));
  const best = placed.reduce((a, b) => (b.tensors.length > a.tensors.length ? b : a));
  if (best.tensors.length < adapter.length) {
    const others = adapter.map(([name]) => name).filter((name) => best.format.place(name) === undefined);
    throw new DualtailError(
      `${label}: Hugging Face peft has no adapter for ${peft.map(({ plugin }) => plugin.name).join(" + ")} (${listing(others, 3)})`,
      { hint: `a PEFT folder holds one of ${known}; dualtail export onnx writes any classifier` },
    );
  }
  return best;
}
