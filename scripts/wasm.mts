import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("../", import.meta.url));
const SOURCE = "wasm/images/resample.ts";
const OPTIONS = ["--outFile", "out.wasm", "-O3", "--runtime", "stub", "--enable", "simd", "--noAssert"];
const TARGET = path.join(root, "core/models/images/resample-wasm.ts");

/** wasm/images, compiled: WebAssembly with SIMD. @throws Error with the compiler's words */
export async function compileResampling(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const writeFile = (_: string, contents: Uint8Array | string): void => {
    binary = Buffer.from(contents);
  };
  const { error, stderr } = await asc.main([SOURCE, "--baseDir", root, ...OPTIONS], { writeFile });
  if (error || binary === undefined) throw new Error(`${SOURCE} does not compile:\n${stderr}`);
  return binary;
}

// A module and not a .wasm file, so that sources, dist and the package have it alike: npm run wasm
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const base64 = Buffer.from(await compileResampling()).toString("base64");
  const text = `/** wasm/images/resample.ts, compiled by \`npm run wasm\`. */\nexport const RESAMPLE_WASM =\n  "${base64}";\n`;
  await writeFile(TARGET, text);
}
