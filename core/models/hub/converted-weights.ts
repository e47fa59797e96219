import { HubApiError } from "@huggingface/hub";
import type { HubRequest } from "./download-blob.ts";

interface Discussion {
  readonly num: number;
  readonly title: string;
  readonly isPullRequest: boolean;
  readonly author?: { readonly name?: string };
}

/**
 * Some repositories hold pickled weights only, with the hub's own conversion to safetensors waiting as a pull request.
 * @returns the revision of that conversion ("refs/pr/7"); undefined when there is none
 */
export async function convertedRevision({
  repo,
  hubUrl,
  accessToken,
}: HubRequest): Promise<string | undefined> {
  const url = `${hubUrl}/api/models/${repo}/discussions`;
  const response = await fetch(url, {
    headers: accessToken ? { authorization: `Bearer ${accessToken}` } : {},
  });
  if (!response.ok)
    throw new HubApiError(url, response.status, undefined, `the hub answers ${response.status}`);
  const { discussions = [] } = (await response.json()) as { discussions?: readonly Discussion[] };
  // Only the hub's converter counts: anyone may propose weights.
  const found = discussions.find(
    ({ author, isPullRequest, title }) =>
      isPullRequest &&
      author?.name === "SFconvertbot" &&
      title === "Adding `safetensors` variant of this model",
  );
  return found && `refs/pr/${found.num}`;
}
