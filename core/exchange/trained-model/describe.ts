import type { TrainedModel } from "./trained-model.ts";

/** What a model is, for people and for metadata; without paths of this machine. */
export function describeModel({ label, loss, members }: TrainedModel) {
  return {
    label,
    loss,
    members: members.map((member) => ({
      backbone: member.label,
      ...(member.location.kind === "hub"
        ? { repo: member.location.repo, revision: member.location.revision }
        : {}),
      peft: member.peft.map(({ plugin, options }) => ({ use: plugin.name, options })),
      head: { type: member.headType, scale: member.headScale },
    })),
  };
}
