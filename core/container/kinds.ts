import type {
  BackbonePlugin,
  DatasetPlugin,
  LossPlugin,
  PeftPlugin,
  StratumSource,
} from "../plugin-api/index.ts";

/** Plugin interface by kind. `never` options: the registry holds plugins of any options and hands them validated ones. */
export interface PluginByKind {
  readonly backbone: BackbonePlugin<never>;
  readonly dataset: DatasetPlugin<never>;
  readonly loss: LossPlugin<never>;
  readonly peft: PeftPlugin<never>;
  readonly strata: StratumSource<never>;
}

/** What a plugin can be. */
export type PluginKind = keyof PluginByKind;
/** A plugin of any kind, its options unknown. */
export type AnyPlugin = PluginByKind[PluginKind];

export interface KindInfo {
  /** Folder under `plugins/` (and under `schemas/plugins/`). */
  readonly folder: string;
  /** For messages and tables. */
  readonly title: string;
  readonly plural: string;
  /** Functions an implementation must have. */
  readonly methods: readonly string[];
}

/** A kind is an interface, so this table changes only when the plugin API does; plugins of a kind are discovered. */
export const KINDS: { readonly [K in PluginKind]: KindInfo } = {
  dataset: { folder: "datasets", title: "dataset", plural: "datasets", methods: ["load"] },
  backbone: { folder: "backbones", title: "backbone", plural: "backbones", methods: ["locate"] },
  peft: { folder: "peft", title: "PEFT method", plural: "PEFT methods", methods: ["begin"] },
  loss: { folder: "losses", title: "loss", plural: "losses", methods: ["recipe"] },
  strata: {
    folder: "strata",
    title: "source of strata",
    plural: "sources of strata",
    methods: ["estimate", "conditionals"],
  },
};

export const PLUGIN_KINDS = Object.keys(KINDS) as readonly PluginKind[];

/** Names that a plugin option cannot have, because the config puts them beside the options. */
export const RESERVED_OPTIONS: readonly string[] = ["use", "label"];
