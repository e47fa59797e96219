import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importPeftFolder } from "../../core/exchange/peft-folder/import-peft.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import { mutateJsonText } from "../mutate/json.ts";
import { readAll } from "../read-all.ts";
import { expectThat, type Target } from "../target.ts";

const FIXTURES = fileURLToPath(new URL("../../test/fixtures/exchange/", import.meta.url));
const FOLDERS = ["peft-lora", "peft-layer-norm", "peft-rslora-half", "lora"];

/** A folder of Hugging Face peft with one broken file is imported. */
export const target: Target = {
  name: "adapters",
  async prepare(folder) {
    const bases = await Promise.all(
      FOLDERS.map(async (name) => readAll(join(FIXTURES, name), await readdir(join(FIXTURES, name)))),
    );
    return async (random) => {
      const files = random.pick(bases);
      for (const name of await readdir(folder)) await rm(join(folder, name));
      for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
      const name = random.pick([...files.keys()]);
      const bytes = files.get(name)!;
      const broken = name.endsWith(".json")
        ? mutateJsonText(random, JSON.parse(bytes.toString()))
        : mutateBytes(random, bytes);
      await writeFile(join(folder, name), broken);
      return {
        subject: folder,
        async read() {
          const { params, shapes } = await importPeftFolder(folder);
          expectThat(params.size > 0, "no parameters");
          for (const [param, data] of params) {
            const elements = shapes.get(param)!.reduce((product, size) => product * size, 1);
            expectThat(data.length === elements, `${param} has ${data.length} values, not ${elements}`);
          }
        },
      };
    };
  },
};
