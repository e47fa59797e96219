/** Where a release comes from. */
export interface Address {
  /** The repository's page, without a slash at its end. */
  readonly repository: string;
  /** The tag that is released. */
  readonly tag: string;
}

/** @throws Error naming the first variable that the workflow has to set and has not */
export function addressFrom(env: Readonly<Record<string, string | undefined>>): Address {
  const given = (name: string): string => {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set: the address of a release is that of the workflow's run`);
    return value;
  };
  return {
    repository: `${given("GITHUB_SERVER_URL")}/${given("GITHUB_REPOSITORY")}`,
    tag: given("GITHUB_REF_NAME"),
  };
}

/** What a package.json says of its origin: provenance is refused when `repository` is not where the workflow runs. */
export const originOf = ({ repository }: Address) => ({
  repository: { type: "git", url: `git+${repository}.git` },
  homepage: `${repository}#readme`,
  bugs: { url: `${repository}/issues` },
});

/** A text in Markdown whose relative links lead to the files of the tag, which are not in the package. */
export function absoluteLinks(markdown: string, { repository, tag }: Address): string {
  const link = /(!?)(\[[^\]]*\])\(((?![a-z]+:|#|\/)[^)\s]+)\)/g;
  return markdown.replace(
    link,
    (_all, image: string, text: string, path: string) =>
      `${image}${text}(${repository}/${image ? "raw" : "blob"}/${tag}/${path})`,
  );
}
