import type { InferenceSession, Tensor } from "onnxruntime-node";
import { DualtailError } from "../errors.ts";
import {
  describeValue,
  type GraphCore,
  serializeGraph,
  sizeOf,
  type TensorData,
  type Value,
} from "../graph/index.ts";
import { type Device, DeviceError } from "./device.ts";

/** How a graph is run: device, threads, optimisation. */
export interface CompileOptions {
  readonly device?: Device;
  /** Threads for one operator; all cores when absent. */
  readonly threads?: number;
  /**
   * `none` keeps the graph as it was written (float64 graphs need it: some fusions have no float64 kernel).
   * Default `all`.
   */
  readonly optimize?: "all" | "none";
  /** Give memory back between runs: less memory held, some per cent slower. */
  readonly lowMemory?: boolean;
  /**
   * Lay the weights out for matrix products when the program is opened: products are about a tenth faster from then on,
   * opening takes several times as long. Default true; false for programs that run once or twice.
   */
  readonly prepack?: boolean;
  /** Write an onnxruntime profile (chrome trace) with this file prefix. */
  readonly profile?: string;
}

/** Values of inputs, by name. */
export type Feeds = Readonly<Record<string, TensorData>>;
/** Values of outputs, by name. */
export type Results = Readonly<Record<string, TensorData>>;

/** A compiled graph: feed the inputs by name, get the outputs by name. */
export interface Program {
  /** The inputs it reads; others may be given and are ignored. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly string[];
  /**
   * Outputs named in `into` are written there instead of into new memory.
   * @throws RunError for a missing input or one of the wrong size, and for what onnxruntime reports
   */
  run(feeds: Feeds, into?: Results): Promise<Results>;
  /** Frees the session; running afterwards fails. */
  release(): Promise<void>;
  /** Ends profiling and writes the file. */
  endProfiling(): void;
}

/** onnxruntime refused a graph or a run of it. */
export class RunError extends DualtailError {}

// Loaded when the first graph is compiled, so that listing plugins or checking a config costs nothing.
const load = async () => {
  const ort = await import("onnxruntime-node");
  // What matters comes back as an error; onnxruntime would also print it.
  ort.env.logLevel = "fatal";
  return ort;
};

const sessionOptions = ({
  device = "cpu",
  threads,
  optimize = "all",
  lowMemory = false,
  prepack = true,
  profile,
}: CompileOptions) =>
  ({
    executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    interOpNumThreads: 1,
    graphOptimizationLevel: optimize === "all" ? "all" : "disabled",
    enableCpuMemArena: !lowMemory,
    enableMemPattern: !lowMemory,
    logSeverityLevel: 4,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    extra: {
      session: {
        // External data is located relative to the root of the file system; see serializeGraph.
        model_external_initializers_file_folder_path: "/",
        intra_op: { allow_spinning: "1" },
        // Threads that go on spinning after a run would hold up the next program's and the image workers'.
        force_spinning_stop: "1",
        ...(prepack ? {} : { disable_prepacking: "1" }),
      },
    },
  }) satisfies InferenceSession.SessionOptions;

/** Compiles the part of a graph that the named outputs depend on. @throws DeviceError, RunError */
export async function compile(
  graph: GraphCore,
  outputs: Readonly<Record<string, Value>>,
  options: CompileOptions = {},
): Promise<Program> {
  const { InferenceSession, Tensor, listSupportedBackends } = await load();
  const { device = "cpu" } = options;
  const backends = listSupportedBackends();
  const bundled = backends.filter((backend) => backend.bundled).map(({ name }) => name);
  if (!backends.some(({ name }) => name === device)) throw new DeviceError(device, bundled);
  const model = serializeGraph(graph, outputs);
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(model.bytes, sessionOptions(options));
  } catch (cause) {
    if (device !== "cpu") throw new DeviceError(device, bundled, cause);
    throw new RunError(`onnxruntime refused the graph: ${firstLine(cause)}`, { cause });
  }

  const makeTensor = (value: Value, data: TensorData | undefined): Tensor => {
    if (data === undefined) throw new RunError(`the input "${value.name}" is missing`);
    if (data.length !== sizeOf(value.shape)) {
      throw new RunError(
        `the input "${value.name}" needs ${describeValue(value)}, got ${data.length} elements`,
      );
    }
    return new Tensor(value.dtype as "float32", data as Float32Array, value.shape);
  };

  return {
    inputs: model.inputs,
    outputs: Object.keys(outputs),
    async run(feeds, into = {}) {
      if (session === undefined) throw new RunError("this program was released");
      const tensors = Object.fromEntries(
        model.inputs.map((value) => [value.name, makeTensor(value, feeds[value.name])]),
      );
      let results: InferenceSession.OnnxValueMapType;
      try {
        const fetches = Object.entries(outputs).map(([name, value]) => [
          name,
          into[name] === undefined ? null : makeTensor(value, into[name]),
        ]);
        results = await session.run(tensors, Object.fromEntries(fetches));
      } catch (cause) {
        throw new RunError(`onnxruntime failed: ${firstLine(cause)}`, { cause });
      }
      return Object.fromEntries(
        await Promise.all(
          Object.entries(results).map(async ([name, tensor]) => [
            name,
            into[name] ?? ((await (tensor as Tensor).getData()) as TensorData),
          ]),
        ),
      );
    },
    async release() {
      const open = session;
      session = undefined;
      await open?.release();
    },
    endProfiling: () => session?.endProfiling(),
  };
}

const firstLine = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? "";
