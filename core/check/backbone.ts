import { existsSync } from "node:fs";
import path from "node:path";
import { DualtailError } from "../errors.ts";
import { openCheckpoint } from "../models/checkpoint/folder.ts";
import type { BackbonePlugin, CheckpointLocation } from "../plugin-api/index.ts";
import { type Findings, fail, note, type Outcome, ok } from "./findings.ts";
import type { Variant } from "./variants.ts";

/** Everything that is asked of a backbone, with one set of options. Nothing is fetched. */
export async function checkBackbone(
  plugin: BackbonePlugin,
  { label: where, options }: Variant,
  findings: Findings,
  { baseDir, isDefault }: { readonly baseDir: string; readonly isDefault: boolean },
): Promise<void> {
  let location: CheckpointLocation | undefined;
  const valid = await findings.run("locate", where, () => {
    try {
      location = plugin.locate(options, { baseDir });
    } catch (error) {
      if (isDefault || !(error instanceof DualtailError)) throw error;
      return note(`it refuses these options: ${error.oneLine}`);
    }
    return describeLocation(location);
  });
  if (!valid || location === undefined) return;
  const place = location;
  await findings.run("determinism", where, () =>
    JSON.stringify(plugin.locate(options, { baseDir })) === JSON.stringify(place)
      ? ok("asked twice, it is the same place")
      : fail("asked twice, `locate` names another place", "it must depend on options and baseDir alone"),
  );
  if (place.kind === "folder") await findings.run("opens", where, () => opens(place));
  const published = plugin.published?.(options);
  if (published && place.kind === "hub" && published.repo !== place.repo) {
    await findings.run("published", where, () =>
      fail(
        `\`published\` describes ${published.repo}, \`locate\` names ${place.repo}`,
        "describe the checkpoint that is used",
      ),
    );
  }
}

function describeLocation(location: CheckpointLocation): Outcome {
  if (location?.kind === "folder") {
    return typeof location.path === "string" && path.isAbsolute(location.path)
      ? ok(`the folder ${location.path}`)
      : fail(
          `the folder ${JSON.stringify(location.path)} is not absolute`,
          "use path.resolve(baseDir, folder)",
        );
  }
  if (location?.kind === "hub") {
    const { repo, revision } = location;
    if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(repo))
      return fail(`the repository is ${JSON.stringify(repo)}`, 'name it as "owner/name"');
    return typeof revision === "string" && revision !== ""
      ? ok(`${repo} at ${revision} on the Hugging Face hub (not fetched)`)
      : fail(`the revision is ${JSON.stringify(revision)}`, 'give a branch, tag or commit, e.g. "main"');
  }
  return fail(
    `\`locate\` gives ${JSON.stringify(location)}`,
    'return { kind: "folder", path } or { kind: "hub", repo, revision }',
  );
}

async function opens(place: CheckpointLocation & { readonly kind: "folder" }): Promise<Outcome> {
  if (!existsSync(place.path))
    return note(`there is no folder ${place.path} on this machine, so it was not opened`);
  const { weights, layout } = await openCheckpoint(place.path);
  return ok(`it opens: layout ${layout}, ${weights.files.length} weight files`);
}
