// Writes docs/icons-lt-credits.md from the list of icon sets: npx tsx scripts/credits.mts
import { writeFile } from "node:fs/promises";
import { type Role, type SetEntry, sets } from "../plugins/datasets/icons-lt/vocabulary.ts";

const roles: Readonly<Record<Role, string>> = {
  pretrain: "pre-training",
  train: "training, validation",
  test: "test",
};

const cell = (text: string) => text.replaceAll("|", "\\|");

function row(set: SetEntry): string {
  const link = `[${set.package}](https://www.npmjs.com/package/${set.package}/v/${set.version})`;
  const author = set.url ? `[${cell(set.author)}](${set.url})` : cell(set.author);
  return `| ${cell(set.name)} | ${author} | ${set.license} | ${link} ${set.version} | ${roles[set.role]} |`;
}

const count = (role: Role) => sets.filter((set) => set.role === role).length;

const page = `# Credits of the icons-lt testbed

<!-- Written by scripts/credits.mts from plugins/datasets/icons-lt/sets.json; do not edit. -->

The pictures of the dataset \`icons-lt\`, and those on which the three small CLIP checkpoints were pre-trained, are
drawn from these ${sets.length} icon sets, published as npm packages by the [Iconify](https://iconify.design) project:
${count("pretrain")} for pre-training, ${count("train")} for training and validation, ${count("test")} for the test
split. Each icon remains under the licence of its set. It was drawn black on white at 32 × 32 pixels and is otherwise
unchanged; no icon is part of the published package \`dualtail\`.

| set | author | licence | package | used for |
|---|---|---|---|---|
${sets.map(row).join("\n")}
`;

await writeFile(new URL("../docs/icons-lt-credits.md", import.meta.url), page);
