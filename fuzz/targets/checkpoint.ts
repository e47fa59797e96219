import { stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expectedTensors } from "../../core/models/checkpoint/expected-tensors.ts";
import { openCheckpoint } from "../../core/models/checkpoint/folder.ts";
import { dtypeBytes, makeCheckpoints } from "../checkpoints.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import { mutateJsonText } from "../mutate/json.ts";
import { expectThat, type Target } from "../target.ts";

/** One file of a small checkpoint, in one of the layouts, is broken; the checkpoint is opened. */
export const target: Target = {
  name: "checkpoint",
  async prepare(folder) {
    const checkpoints = await makeCheckpoints(folder);
    for (const { folder: own, files } of checkpoints) {
      for (const [name, bytes] of files) await writeFile(join(own, name), bytes);
    }
    let mend = async () => {};
    return async (random) => {
      await mend();
      const { folder: own, files } = random.pick(checkpoints);
      const name = random.pick([...files.keys()]);
      const bytes = files.get(name)!;
      const isJson = name.endsWith(".json") && random.chance(0.85);
      const broken = isJson
        ? mutateJsonText(random, JSON.parse(bytes.toString()))
        : mutateBytes(random, bytes);
      await writeFile(join(own, name), broken);
      mend = () => writeFile(join(own, name), bytes);
      return {
        subject: own,
        async read() {
          const { config, preprocessor, locate, logitScale } = await openCheckpoint(own);
          // Broken bytes may be any number, and a number is all that is asked of this one.
          expectThat(typeof logitScale === "number", "no logit scale");
          expectThat(preprocessor.imageSize === config.vision.imageSize, "two image sizes");
          expectThat(preprocessor.mean.length === config.vision.channels, "another number of means");
          const sizes = new Map<string, number>();
          for (const [tensor, shape] of expectedTensors(config)) {
            const found = locate(tensor);
            const elements = shape.reduce((product, size) => product * size, 1);
            expectThat(dirname(found.file) === own, `${tensor} is in another folder: ${found.file}`);
            expectThat(`${found.shape}` === `${shape}` || elements === 1, `${tensor} is [${found.shape}]`);
            expectThat(
              found.length === elements * dtypeBytes(found.dtype),
              `${tensor} has ${found.length} bytes`,
            );
            if (!sizes.has(found.file)) sizes.set(found.file, (await stat(found.file)).size);
            expectThat(
              found.offset + found.length <= sizes.get(found.file)!,
              `${tensor} ends behind its file`,
            );
          }
        },
      };
    };
  },
};
