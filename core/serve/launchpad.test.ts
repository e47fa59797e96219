import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { mlflowClient, SERVER_START, uniqueName } from "../../test/support/mlflow-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { parseConfigDocument } from "../comparison/config/index.ts";
import { createContainer, resolve } from "../container/index.ts";
import { requestSchema } from "../launch-page/request-schema.ts";
import { createPlugin } from "../scaffold/index.ts";
import { validateServeConfig } from "./index.ts";
import { pageData } from "./launchpad.ts";

/** Where `import "dualtail/plugin-api"` finds these sources, as it finds the package where that is installed. */
async function installSources(folder: string): Promise<void> {
  const [standIn, modules] = [join(folder, "stand-in"), join(folder, "node_modules")];
  const sources = fileURLToPath(new URL("../plugin-api/index.ts", import.meta.url));
  await mkdir(standIn);
  await mkdir(modules);
  const exports = { "./plugin-api": "./plugin-api.ts" };
  await writeFile(
    join(standIn, "package.json"),
    JSON.stringify({ name: "dualtail", type: "module", exports }),
  );
  await writeFile(join(standIn, "plugin-api.ts"), `export * from ${JSON.stringify(sources)};`);
  // By a link, so that it is not taken for a package that is compiled.
  await symlink(standIn, join(modules, "dualtail"));
}

it(
  "the form offers a plugin that `dualtail new` made, with its options",
  async () => {
    const folder = await temporaryFolder();
    await installSources(folder);
    await createPlugin({
      ...{ kind: "loss", name: "steep", language: "js", mode: "single" },
      ...{ folder: join(folder, "steep"), place: "./steep", dualtailVersion: "0.1.0" },
    });
    const registry = resolve(await createContainer({ plugins: ["./steep"], baseDir: folder }), "registry");
    const text = `
experiments: [e]
datasets: { pictures: { use: image-folder, root: images } }
backbones: { small: { use: clip, folder: clip } }
allow: { losses: [ce, steep] }
`;
    const config = validateServeConfig(parseConfigDocument(text, "serve.yaml"), registry);
    const client = await mlflowClient();
    const name = uniqueName("form-of-plugin");
    const experimentId = await client.experiments.create(name);
    const { schema, offers, limits } = await pageData({ client, config, registry }, { experimentId, name });

    expect(offers.losses.at(-1)).toEqual({
      name: "steep",
      defaults: { tau: 1 },
      forms: [{ mode: "single" }],
    });
    const own = requestSchema(schema, offers, limits);
    const { losses } = own.properties as { losses: { items: { oneOf: { title: string }[] } } };
    expect(losses.items.oneOf.find(({ title }) => title === "steep")).toMatchObject({
      description: "Cross-entropy on logits shifted by the log class prior (from ./steep)",
      properties: { use: { const: "steep" }, tau: { type: "number", default: 1, title: "τ", minimum: 0 } },
    });
    const accepts = new Ajv2020({ strict: false, discriminator: true }).compile(own);
    const request = (tau: unknown) => ({
      ...{ dataset: "pictures", backbones: ["small"], peft: [{ use: "lora" }], seeds: [0] },
      losses: [{ use: "steep", tau }],
    });
    expect(accepts(request(2)), JSON.stringify(accepts.errors)).toBe(true);
    expect(accepts(request(-1))).toBe(false);
  },
  SERVER_START,
);
