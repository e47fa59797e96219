import { describeError } from "../errors.ts";
import { decodeImage } from "../models/images/index.ts";
import type { Dataset, DatasetPlugin, Split } from "../plugin-api/index.ts";
import { type Findings, fail, note, type Outcome, ok } from "./findings.ts";
import type { Variant } from "./variants.ts";

/** Images of a split that are decoded. */
const DECODED = 8;

/** Everything that is asked of a data set. Only the first set of options is loaded: data can be large. */
export async function checkDataset(
  plugin: DatasetPlugin,
  { label: where, options }: Variant,
  findings: Findings,
  {
    baseDir,
    cacheDir,
    isDefault,
  }: { readonly baseDir: string; readonly cacheDir: string; readonly isDefault: boolean },
): Promise<void> {
  if (!isDefault) return;
  const warnings: string[] = [];
  const load = () =>
    plugin.load(
      { baseDir, cacheDir, seed: 0, progress: () => () => {}, warn: (line) => void warnings.push(line) },
      options,
    );
  let loaded: Dataset | undefined;
  await findings.run("loads data", where, async () => {
    try {
      loaded = await load();
    } catch (error) {
      return fail(
        `it does not load: ${describeError(error)}`,
        'if it needs data, say where: dualtail check … --options \'{"root": "folder"}\'',
      );
    }
    return ok(`${loaded.name}: ${sizes(loaded)}`);
  });
  if (loaded === undefined) return;
  const dataset = loaded;
  for (const line of warnings.splice(0)) await findings.run("warns", where, () => note(line));
  const splits = splitsOf(dataset);
  await findings.run("class names", where, () => classNames(dataset));
  await findings.run("labels", where, () => labels(dataset, splits));
  await findings.run("classes have images", where, () => present(dataset));
  await findings.run("images decode", where, () => decode(splits));
  await findings.run("determinism", where, async () => same(dataset, await load()));
}

const splitsOf = ({ train, validation, test }: Dataset): [string, Split][] =>
  Object.entries({ train, validation, test }).filter(
    (entry): entry is [string, Split] => entry[1] !== undefined,
  );

const sizes = (dataset: Dataset) =>
  `${splitsOf(dataset)
    .map(([name, { images }]) => `${images.length} ${name}`)
    .join(", ")} images of ${dataset.classNames.length} classes`;

function classNames({ classNames: names, digest }: Dataset): Outcome {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    return fail(
      `the class name "${twice}" comes twice`,
      "two prompts would be the same: tell the classes apart by name",
    );
  const blank = names.findIndex((name) => typeof name !== "string" || name.trim() === "");
  if (blank >= 0) return fail(`class ${blank} has no name`, "names go into prompts");
  return /^[0-9a-f]{16,}$/.test(digest)
    ? ok(`${names.length} different names, e.g. "${names[0]}"`)
    : fail(
        `its digest is ${JSON.stringify(digest)}`,
        "give a hash of the data as hexadecimal digits, e.g. sha256 of names and labels",
      );
}

function labels({ classNames: { length: classes } }: Dataset, splits: readonly [string, Split][]): Outcome {
  for (const [name, split] of splits) {
    if (split.images.length !== split.labels.length)
      return fail(
        `${name} has ${split.images.length} images and ${split.labels.length} labels`,
        "one label per image",
      );
    const at = split.labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < classes));
    if (at >= 0)
      return fail(
        `${name} image ${at} has label ${split.labels[at]} of ${classes} classes`,
        `labels are 0 to ${classes - 1}`,
      );
  }
  return ok("one per image, in range");
}

function present({ classNames: names, train, test }: Dataset): Outcome {
  const without = (split: Split) => {
    const has = new Set(split.labels);
    return names.filter((_, label) => !has.has(label));
  };
  const quoted = (list: readonly string[]) =>
    `"${list.slice(0, 3).join('", "')}"${list.length > 3 ? ", …" : ""}`;
  const [untrained, untested] = [without(train), without(test)];
  if (untrained.length > 0)
    return fail(
      `${untrained.length} classes have no training image: ${quoted(untrained)}`,
      "leave such classes out",
    );
  return untested.length > 0
    ? fail(`${untested.length} classes have no test image: ${quoted(untested)}`, "leave such classes out")
    : ok("every class has training and test images");
}

async function decode(splits: readonly [string, Split][]): Promise<Outcome> {
  let count = 0;
  for (const [name, { images }] of splits) {
    const step = Math.max(1, Math.floor(images.length / DECODED));
    for (let i = 0; i < images.length; i += step) {
      try {
        await decodeImage(images[i]!, 3);
      } catch (error) {
        return fail(
          `${name} image ${i} does not decode: ${describeError(error)}`,
          "check the file, or its width, height and channels",
        );
      }
      count++;
    }
  }
  return ok(`${count} looked at`);
}

function same(first: Dataset, second: Dataset): Outcome {
  if (first.digest !== second.digest)
    return fail(
      "loaded twice with the same seed, its digest differs",
      "hash the content, not times or random numbers",
    );
  for (const [name, split] of splitsOf(first)) {
    const other = splitsOf(second).find(([own]) => own === name)?.[1];
    if (
      split.labels.length === other?.labels.length &&
      split.labels.every((label, i) => label === other.labels[i])
    )
      continue;
    return fail(
      `loaded twice with the same seed, the labels of ${name} differ`,
      "draw by `context.seed`; sort what a folder lists",
    );
  }
  return ok("loaded twice, it is the same");
}
