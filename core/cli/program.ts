import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { DEVICES } from "../comparison/config/index.ts";
import { PLUGIN_KINDS, type PluginKind } from "../container/index.ts";
import { LAYOUTS } from "../exchange/onnx/pixels.ts";
import { LOSS_MODES } from "../scaffold/index.ts";
import { type AnalyzeFlags, analyzeCommand } from "./commands/analyze.ts";
import { type CheckFlags, checkCommand } from "./commands/check.ts";
import { type CompareFlags, compareCommand } from "./commands/compare.ts";
import { demoCommand } from "./commands/demo.ts";
import {
  type ExportOnnxFlags,
  type ExportPeftFlags,
  exportMlflowCommand,
  exportOnnxCommand,
  exportPeftCommand,
} from "./commands/export.ts";
import { type ExportLossFlags, exportLossCommand } from "./commands/export-loss.ts";
import { listCommand } from "./commands/list.ts";
import { mlflowCommand } from "./commands/mlflow.ts";
import { type NewFlags, newCommand } from "./commands/new.ts";
import { type RegisterFlags, registerCommand } from "./commands/register.ts";
import { type ReportFlags, reportCommand } from "./commands/report.ts";
import { type SchemaFlags, schemaCommand } from "./commands/schema.ts";
import { type ServeFlags, serveCommand } from "./commands/serve.ts";
import { type StatusFlags, statusCommand } from "./commands/status.ts";
import { syncCommand } from "./commands/sync.ts";
import { type WorkerFlags, workerCommand } from "./commands/worker.ts";
import type { Host } from "./host.ts";
import { packageVersion } from "./package-info.ts";

/** A whole number from 1. */
function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Give a whole number from 1.");
  return Number(text);
}

/** A port; 0 stands for any. */
function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError("Give a port, or none for any.");
  return port;
}

/** A number above 0. */
function positiveNumber(text: string): number {
  const number = Number(text);
  if (!(number > 0 && Number.isFinite(number))) throw new InvalidArgumentError("Give a number above 0.");
  return number;
}

/** Numbers above 0, separated by commas. */
const positiveNumbers = (text: string): number[] => text.split(",").map(positiveNumber);

/** A batch size; any size when symbolic. */
const batchSize = (text: string): number | undefined =>
  text === "symbolic" ? undefined : positiveInteger(text);

/** An option that may be given several times. */
const collect = (value: string, earlier: readonly string[] = []): string[] => [...earlier, value];

/** Options of everything that runs a comparison. */
function runOptions(command: Command): Command {
  return command
    .option("--dry-run", "check the config, show the plan and what it will take, run nothing")
    .option("--rate <TFLOP/s>", "with --dry-run: matrix products of the device per second", positiveNumber)
    .option("--measure", "with --dry-run: time a step of every kind instead of assuming a rate")
    .addOption(new Option("--device <device>", "where to compute, instead of the config's").choices(DEVICES))
    .option("--threads <n>", "CPU threads, instead of the config's", positiveInteger)
    .option("--output <folder>", "folder for runs, instead of the config's")
    .option("--json", "print the result (with --dry-run: the plan) as JSON")
    .option("--resume <folder>", "go on with the comparison kept in this run folder")
    .addOption(
      new Option("--fresh", "start anew, also where this comparison was interrupted").conflicts("resume"),
    )
    .addOption(
      new Option("--rerun", "run every cell, also those with a finished run on MLflow").conflicts("resume"),
    )
    .option("--register <name>", "make the best row's model a version of this registered model on MLflow")
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress, only warnings and the result");
}

/** @param exit told the exit code of the command that ran */
export function createProgram(host: Host, exit: (code: number) => void): Command {
  const program = new Command("dualtail")
    .description("Fine-tune foundation models on long-tailed data and compare losses, tracked in MLflow.")
    .version(packageVersion())
    .option("--debug", "print stacks with errors (also: DUALTAIL_DEBUG=1)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.print(text.trimEnd()),
      writeErr: (text) => host.complain(text.trimEnd()),
      outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, " ")}\n`),
    })
    .showSuggestionAfterError();

  const action =
    <A extends unknown[]>(command: (host: Host, ...args: A) => Promise<number>) =>
    async (...args: A): Promise<void> =>
      exit(await command(host, ...args));

  runOptions(program.command("compare"))
    .description("run a comparison")
    .argument("<config>", "YAML or JSON file")
    .action(action((_host, file: string, flags: CompareFlags) => compareCommand(host, file, flags)));

  runOptions(program.command("demo"))
    .description("run the comparison that comes with dualtail")
    .action(action((_host, flags: CompareFlags) => demoCommand(host, flags)));

  program
    .command("list")
    .description("show the plugins and their options")
    .option("--json", "as JSON, with the options' schemas")
    .option("--plugin <specifier...>", "also show the plugins of this file or package")
    .action(action((_host, flags: { json?: boolean; plugin?: string[] }) => listCommand(host, flags)));

  program
    .command("new")
    .description("make a plugin from a template: a folder with its code, options, test and README")
    .addArgument(new Argument("<kind>", "what to make").choices(PLUGIN_KINDS))
    .argument("<name>", "its name in configs, e.g. my-loss")
    .addOption(new Option("--mode <mode>", "of a loss (default: single)").choices(LOSS_MODES))
    .addOption(new Option("--js", "JavaScript with types in comments (the default)").conflicts("ts"))
    .option("--ts", "TypeScript, to be built before use")
    .option("--dir <folder>", "where to make it (default: a folder of its name)")
    .action(
      action((_host, kind: PluginKind, name: string, flags: NewFlags) => newCommand(host, kind, name, flags)),
    );

  program
    .command("check")
    .description("check that a plugin does what its interface promises")
    .argument("<plugin>", "file, folder or npm package, or the name of a built-in plugin (ce, peft/lora)")
    .option("--options <json>", "options to check it with, instead of its defaults")
    .option("--plugin <specifier>", "another plugin, which this one names; may be repeated", collect)
    .option("--no-cost", "do not time losses beside cross-entropy")
    .option("--json", "print the findings as JSON")
    .action(action((_host, plugin: string, flags: CheckFlags) => checkCommand(host, plugin, flags)));

  program
    .command("schema")
    .description("write the schema of comparisons with your plugins, for completions in editors")
    .argument("[config]", "config whose plugins to include")
    .option("--plugin <specifier...>", "include the plugins of this file, folder or package")
    .option("-o, --out <file>", "file to write instead of printing")
    .action(
      action((_host, config: string | undefined, flags: SchemaFlags) => schemaCommand(host, config, flags)),
    );

  program
    .command("sync")
    .description("upload what a comparison has kept on disk to MLflow")
    .argument("<folder>", "run folder")
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress")
    .action(
      action((_host, folder: string, flags: { trackingUri?: string; quiet?: boolean }) =>
        syncCommand(host, folder, flags),
      ),
    );

  program
    .command("status")
    .description("show what of the runs kept on disk MLflow has")
    .argument("[folder]", "folder of journals (default: .dualtail/runs)")
    .option("--json", "as JSON")
    .action(
      action((_host, folder: string | undefined, flags: StatusFlags) => statusCommand(host, folder, flags)),
    );

  program
    .command("report")
    .description(
      "write what an experiment on MLflow shows: tables with intervals, differences, the paper's claims",
    )
    .argument("<experiment>", "name of the experiment")
    .option("--out <folder>", "folder to write to", "report")
    .option("--where <param=value...>", "only runs with these params; else the newest run's setting counts")
    .option("--no-log", "do not log the report to the experiment")
    .option("--resamples <n>", "of the bootstrap (default: 2000)", positiveInteger)
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress")
    .action(
      action((_host, experiment: string, flags: ReportFlags) => reportCommand(host, experiment, flags)),
    );

  program
    .command("analyze")
    .description(
      "print what fine-tuning did to the classes: groups, which imbalance explains accuracy, which classes lose, or how settings compare",
    )
    .argument("<what>", "name of an experiment, id of a run, or a comparison's config file")
    .option("--out <folder>", "also write it there: Markdown, JSON, figures")
    .option("--json", "print JSON")
    .option("--worst <n>", "classes per row that lose most", positiveInteger, 10)
    .option("--by <param>", "compare the values of this param instead; several are taken together", collect)
    .option("--against <value>", "with --by: the value to compare with; else the first that was run")
    .option("--where <param=value...>", "only runs with these params; else the newest run's setting counts")
    .option("--resamples <n>", "of the bootstrap (default: 2000)", positiveInteger)
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress")
    .action(action((_host, what: string, flags: AnalyzeFlags) => analyzeCommand(host, what, flags)));

  const exporting = program.command("export").description("write a trained model for other programs");
  const source = "run folder of a comparison, a folder in its cells/, or an exported PEFT folder";
  const onnxOptions = (command: Command): Command =>
    command
      .addOption(
        new Option(
          "--include-preprocessing [layout]",
          "take uint8 pixels of resized images and normalise them in the graph",
        )
          .choices(LAYOUTS)
          .preset(LAYOUTS[0]),
      )
      .option("--external-data", "write the weights to <file>.data; needed above 2 GB")
      .option("--keep-half", "leave half-precision weights as the checkpoint has them: a smaller file")
      .option("--quiet", "no progress");
  onnxOptions(
    exporting
      .command("onnx")
      .description("the whole classifier as one ONNX file: pixels → logits, probabilities")
      .argument("<model>", source)
      .requiredOption("--out <file>", "file to write"),
  ).action(action((_host, model: string, flags: ExportOnnxFlags) => exportOnnxCommand(host, model, flags)));
  onnxOptions(
    exporting
      .command("mlflow")
      .description("the same as an MLflow model: for mlflow.pyfunc.load_model and mlflow models serve")
      .argument("<model>", source)
      .requiredOption("--out <folder>", "folder to write"),
  ).action(action((_host, model: string, flags: ExportOnnxFlags) => exportMlflowCommand(host, model, flags)));
  exporting
    .command("peft")
    .description("the adapter (lora, layer-norm) and the head as a Hugging Face PEFT folder")
    .argument("<model>", source)
    .requiredOption("--out <folder>", "folder to write")
    .option("--backbone <label>", "which backbone of a model of several")
    .option("--quiet", "no progress")
    .action(action((_host, model: string, flags: ExportPeftFlags) => exportPeftCommand(host, model, flags)));

  program
    .command("export-loss")
    .description("write a loss and its gradients as an ONNX file for other programs, and print what it is")
    .argument("<name>", "of the loss, see dualtail list")
    .requiredOption("--classes <K>", "number of classes", positiveInteger)
    .option("--models <M>", "models that the loss is over (default: 1)", positiveInteger)
    .requiredOption("-o, --out <file>", "file to write")
    .option("--option <name=value>", "an option of the loss; may be given several times", collect)
    .option(
      "--counts <file>",
      "JSON list of the training images per class, for losses with weights or margins",
    )
    .option("--weights <w,…>", "mass of every model; uniform when absent", positiveNumbers)
    .option(
      "--head-scale <s>",
      "scale of a cosine head, for losses with margins (default: 25)",
      positiveNumber,
    )
    .option("--batch <B>", "a fixed batch size, or symbolic (the default): any", batchSize)
    .option("--float64", "compute in double precision")
    .option("--prediction", "write what it predicts (scores, probabilities) instead of loss and gradients")
    .option("--plugin <specifier...>", "also know the losses of this file or package")
    .option("--quiet", "no remarks")
    .action(action((_host, name: string, flags: ExportLossFlags) => exportLossCommand(host, name, flags)));

  program
    .command("register")
    .description("make a finished run's model a version of a registered model on MLflow")
    .argument("<model>", "a folder in a run folder's cells/, or the id of a run that has logged its model")
    .requiredOption("--name <name>", "of the registered model; made when it is missing")
    .option("--alias <alias>", "moves to the version when it is measurably more accurate", "best")
    .option("--resamples <n>", "of the bootstrap (default: 2000)", positiveInteger)
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress")
    .action(action((_host, what: string, flags: RegisterFlags) => registerCommand(host, what, flags)));

  program
    .command("serve")
    .description("run the comparisons that people ask for in MLflow, until Ctrl-C")
    .requiredOption("--config <file>", "YAML or JSON file: what to watch, what to offer")
    .addOption(
      new Option("--http [port]", "also serve the form to browsers on this machine")
        .argParser(portNumber)
        .preset("0"),
    )
    .option("--queue <address>", "redis://…: have cells trained by dualtail worker (also: DUALTAIL_QUEUE)")
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress")
    .action(action((_host, flags: ServeFlags) => serveCommand(host, flags)));

  program
    .command("worker")
    .description("train cells of the comparisons that a server with the same queue runs, until Ctrl-C")
    .requiredOption("--config <file>", "the server's file, with this machine's paths")
    .option("--queue <address>", "redis://… (also: DUALTAIL_QUEUE)")
    .option("--lock <seconds>", "silence after which another worker takes the cell over", positiveNumber, 60)
    .option(
      "--checkpoint-every <seconds>",
      "least time between two checkpoints sent to MLflow",
      positiveNumber,
      60,
    )
    .option("--tracking-uri <uri>", "MLflow server, instead of MLFLOW_TRACKING_URI")
    .option("--quiet", "no progress")
    .action(action((_host, flags: WorkerFlags) => workerCommand(host, flags)));

  program
    .command("mlflow")
    .description("open the MLflow server that dualtail keeps, until Ctrl-C")
    .option("--quiet", "no progress")
    .action(action((_host, flags: { quiet?: boolean }) => mlflowCommand(host, flags)));

  return program;
}
