import type { Device, PluginChoice } from "../../comparison/config/index.ts";

export interface Limits {
  /** Comparisons that wait. */
  readonly queue: number;
  /** Comparisons of one requester that wait or run. */
  readonly perRequester: number;
  /** Requests taken from one requester within an hour. */
  readonly perHour: number;
  /** Characters of one request. */
  readonly tagCharacters: number;
  /** Trainings that one requester gets within 24 hours. */
  readonly trainings: number;
  /** Epochs of one training. */
  readonly epochs: number;
  /** Images per update or forward pass. */
  readonly batchSize: number;
  /** Templates of a prompt. */
  readonly templates: number;
}

/** The server's file: validated, every default filled in. */
export interface ServeConfig {
  /** Names of the experiments that are watched. */
  readonly experiments: readonly string[];
  /** What a request may name. */
  readonly datasets: Readonly<Record<string, PluginChoice>>;
  readonly backbones: Readonly<Record<string, PluginChoice>>;
  /** Configs, whole or in part, as a request would hold them. */
  readonly presets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly limits: Limits;
  readonly allow: {
    readonly device: readonly Device[];
    /** Absent: all that the server has. */
    readonly pefts?: readonly string[];
    readonly losses?: readonly string[];
  };
  /** Seconds between two looks at MLflow. */
  readonly interval: number;
  readonly threads?: number;
  readonly output: string;
  readonly plugins: readonly string[];
}
