import path from "node:path";
import { createContainer, KINDS, type PluginKind, resolve } from "../../container/index.ts";
import { resolvePackage } from "../../container/resolve-package.ts";
import { checkPluginName, createPlugin, type LossMode } from "../../scaffold/index.ts";
import { UsageError } from "../failure.ts";
import type { Host } from "../host.ts";
import { packageVersion } from "../package-info.ts";

export interface NewFlags {
  readonly ts?: boolean;
  readonly js?: boolean;
  readonly dir?: string;
  readonly mode?: LossMode;
}

/** How a config names a plugin of the kind. */
const USES: Readonly<Record<PluginKind, (name: string) => string>> = {
  loss: (name) => `losses: [ce, ${name}]`,
  backbone: (name) => `backbones: [${name}]`,
  peft: (name) => `peft: ${name}`,
  dataset: (name) => `dataset: ${name}`,
  strata: (name) => `losses: [{ use: backdoor-strata, strata: ${name} }]`,
};

/** Makes a plugin from a template and says what to do next. */
export async function newCommand(
  host: Host,
  kind: PluginKind,
  name: string,
  flags: NewFlags,
): Promise<number> {
  if (flags.mode !== undefined && kind !== "loss") {
    throw new UsageError(`--mode is for losses, not for a ${KINDS[kind].title}`, {
      hint: "leave --mode out",
    });
  }
  checkPluginName(kind, name, resolve(await createContainer(), "registry"));
  const folder = path.resolve(host.cwd, flags.dir ?? name);
  const raw = placeOf(host.cwd, folder);
  const place = quoted(raw);
  const language = flags.ts ? "ts" : "js";
  const files = await createPlugin({
    kind,
    name,
    language,
    mode: flags.mode ?? "single",
    folder,
    place,
    dualtailVersion: packageVersion(),
  });
  const steps = [
    ...installing(folder, raw),
    // Its own dependencies are the compiler; dualtail is found in a folder above it.
    ...(flags.ts ? [`npm install --prefix ${place}`, `npm run build --prefix ${place}`] : []),
    `npx dualtail check ${place}`,
    `npx dualtail list --plugin ${place}`,
    "npx dualtail compare comparison.yaml",
  ];
  host.print(
    [
      `${place}: ${files.join(", ")}`,
      "",
      `A working ${KINDS[kind].title} "${name}"; index.${language} is what to change. Next:`,
      "",
      ...steps.map((step) => `  ${step}`),
      "",
      "In comparison.yaml:",
      "",
      `  plugins: [${place}]`,
      `  ${USES[kind](name)}`,
    ].join("\n"),
  );
  return 0;
}

/** How dualtail comes to where the plugin sees it, unless it is there: into the working directory, or beside the plugin. */
function installing(folder: string, place: string): string[] {
  if (resolvePackage("dualtail/plugin-api", folder) !== undefined) return [];
  const above = place.startsWith("./") ? "" : ` --prefix ${quoted(path.dirname(place))}`;
  return [`npm install${above} dualtail`];
}

/** A path in a command or a config, where it holds more than plain characters. */
const quoted = (place: string): string => (/[^\w./:\\-]/.test(place) ? JSON.stringify(place) : place);

/** A folder as a config names it: a path that starts with a dot or a slash. */
function placeOf(cwd: string, folder: string): string {
  const relative = path.relative(cwd, folder).replaceAll(path.sep, "/");
  if (path.isAbsolute(relative)) return folder;
  return relative.startsWith("..") ? relative : `./${relative}`;
}
