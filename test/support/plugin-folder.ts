import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export interface TempFolder {
  readonly path: string;
  write(file: string, content: string): Promise<string>;
  remove(): Promise<void>;
}

/** A temporary folder for a test's files. */
export async function tempFolder(): Promise<TempFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), "dualtail-test-"));
  return {
    path: folder,
    async write(file, content) {
      const full = path.join(folder, file);
      await mkdir(path.dirname(full), { recursive: true });
      await writeFile(full, content);
      return full;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Source of a module with plugins for every kind but losses and PEFT methods, so that configs can be made of them. */
export const TOY_PLUGINS = `
const options = (properties, required = []) => ({ type: "object", additionalProperties: false, properties, required });
const number = (fallback) => ({ type: "number", exclusiveMinimum: 0, default: fallback });
const folder = { type: "string", description: "where the checkpoint is" };
const locate = ({ folder }) => ({ kind: "folder", path: folder });
export const plugins = [
  { kind: "dataset", name: "toy-data", summary: "Toy data", load: async () => { throw new Error("not loaded here"); },
    options: options({ ratio: number(100) }) },
  { kind: "backbone", name: "toy-a", summary: "Toy A", options: options({ width: number(8) }), locate },
  { kind: "backbone", name: "toy-b", summary: "Toy B", options: options({ folder }, ["folder"]), locate },
  { kind: "loss", name: "toy-joint", summary: "Joint", options: options({
      weights: { type: "array", items: { type: "number" } } }),
    recipe: ({ weights }) => ({ mode: "joint", strataWeights: weights, build() {}, predict() {} }) },
  { kind: "loss", name: "toy-post", summary: "Post-hoc", options: options({
      base: { type: "string", default: "la" }, tau: number(1), space: { enum: ["logit", "probability"], default: "logit" } }),
    recipe: ({ base, tau }) => ({ mode: "post-hoc", base: { use: base, ...(base === "la" ? { tau } : {}) }, predict() {} }) },
];
`;
