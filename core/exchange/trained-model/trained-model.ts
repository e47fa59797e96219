import type { ClipCheckpoint } from "../../models/checkpoint/folder.ts";
import type { ChosenPeft } from "../../models/classifier.ts";
import type { HeadType } from "../../models/heads/index.ts";
import type { ChosenStrata } from "../../models/heads/strata.ts";
import type { CheckpointLocation, StrataPredict } from "../../plugin-api/index.ts";

/** A trained tensor. */
export interface TrainedParam {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One fine-tuned backbone with its head. */
export interface TrainedMember {
  /** The backbone's label. */
  readonly label: string;
  readonly location: CheckpointLocation;
  readonly checkpoint: ClipCheckpoint;
  readonly peft: readonly ChosenPeft[];
  readonly headType: HeadType;
  readonly headScale: number;
  /** Strata inside the backbone. */
  readonly strata?: ChosenStrata;
  /** By the names that the classifier declares. */
  readonly params: ReadonlyMap<string, TrainedParam>;
}

/** A trained classifier as it can be built again: of one backbone, or of several whose logits are combined. */
export interface TrainedModel {
  readonly label: string;
  readonly classNames: readonly string[];
  readonly loss: { readonly use: string; readonly options: Readonly<Record<string, unknown>> };
  readonly members: readonly TrainedMember[];
  /** Class scores from the members' logits; absent for a single member. */
  readonly predict?: StrataPredict;
  /** [members] P(c), summing to 1. */
  readonly strataPrior: readonly number[];
}
