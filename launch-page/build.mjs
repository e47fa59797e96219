// Part of `npm run build`: the launch page as one HTML file, without data. Its policy lets run only the one script and
// the one style that are in it, by their hashes.
import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import { bundledLicences } from "./licences.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
const out = new URL("../dist/launch-page/", import.meta.url);

// Also where a test that runs with another value asks for the page.
process.env.NODE_ENV = "production";
const licences = bundledLicences();
/** A helper for tests of @rjsf/core imports it; nothing of it reaches the page, whose validator compiles nothing. */
const COMPILER = "@rjsf/validator-ajv8";
const withoutCompiler = {
  name: "without-compiler",
  resolveId: (id) => (id === COMPILER ? `\0${COMPILER}` : undefined),
  load: (id) => (id === `\0${COMPILER}` ? "export default undefined" : undefined),
};
/**
 * @cfworker/json-schema takes the page's address for the schemas' and makes none of a blob's, which is what MLflow's
 * viewer shows; without an address it uses one of its own. Our schemas have no references that it matters to.
 */
const LOCATION = "self.location";
const withoutLocation = {
  name: "without-location",
  transform(code, id) {
    if (!/@cfworker\/json-schema\/dist\/esm\/dereference\.js$/.test(id)) return undefined;
    if (!code.includes(`${LOCATION} &&`))
      throw new Error("@cfworker/json-schema reads the page's address in another way");
    return { code: code.replaceAll(LOCATION, "undefined"), map: null };
  },
};
const { output } = await build({
  root,
  configFile: false,
  logLevel: "warn",
  esbuild: { jsx: "automatic", legalComments: "none" },
  plugins: [
    viteSingleFile({ removeViteModuleLoader: true }),
    withoutCompiler,
    withoutLocation,
    licences.plugin,
  ],
  build: {
    write: false,
    target: "es2022",
    chunkSizeWarningLimit: 2000,
    // "use client" of libraries means nothing in one bundle.
    rollupOptions: { onwarn: (warning, warn) => warning.code !== "MODULE_LEVEL_DIRECTIVE" && warn(warning) },
  },
});
const page = output.find(({ fileName }) => fileName === "index.html");
if (page?.type !== "asset" || output.length !== 1) throw new Error("the launch page is not one file");

const html = String(page.source);
const hashes = (pattern) =>
  [...html.matchAll(pattern)].map(
    ([, text]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`,
  );
const scripts = hashes(/<script type="module"[^>]*>([\s\S]*?)<\/script>/g);
const styles = hashes(/<style[^>]*>([\s\S]*?)<\/style>/g);
if (scripts.length !== 1 || styles.length !== 1)
  throw new Error("the launch page has not one script and one style");
const policy = [
  "default-src 'none'",
  `script-src ${scripts[0]}`,
  `style-src ${styles[0]}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const meta = `<meta charset="utf-8" />\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`;
const guarded = html.replace('<meta charset="utf-8" />', () => meta);
if (guarded === html) throw new Error("the launch page has no place for its policy");

await mkdir(out, { recursive: true });
await writeFile(new URL("LICENSES.txt", out), await licences.text());
// In one step, since someone may be reading it.
const unfinished = new URL(`launch.html.${process.pid}`, out);
await writeFile(unfinished, guarded);
await rename(unfinished, new URL("launch.html", out));
