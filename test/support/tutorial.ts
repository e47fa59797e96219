/** One thing that a tutorial tells its reader to do, or promises. */
export type TutorialStep =
  | { readonly kind: "run"; readonly commands: readonly string[]; readonly exit: number }
  | { readonly kind: "file"; readonly file: string; readonly content: string }
  | { readonly kind: "replace"; readonly file: string; readonly from: string; readonly to: string }
  | { readonly kind: "prints"; readonly lines: readonly string[] };

/** The marked code blocks of a Markdown text, in order: `<!-- run -->`, `<!-- file: name -->`, … before a fence. */
export function tutorialSteps(markdown: string): readonly TutorialStep[] {
  const blocks = markdown.matchAll(
    /<!-- (run|file|replace|prints)(?:[:,] (.*?))? -->\s*```\w+\n([\s\S]*?)```/g,
  );
  return [...blocks].map(([, kind, argument = "", content = ""]): TutorialStep => {
    const lines = content.split("\n").filter((line) => line.trim() !== "");
    if (kind === "run") return { kind, commands: lines, exit: Number(/exit (\d+)/.exec(argument)?.[1] ?? 0) };
    if (kind === "file") return { kind, file: argument, content };
    if (kind === "prints") return { kind, lines };
    const side = (sign: string) =>
      lines
        .filter((line) => line.startsWith(sign))
        .map((line) => line.slice(1))
        .join("\n");
    return { kind: "replace", file: argument, from: side("-"), to: side("+") };
  });
}

/** Whether some line of `output` is `line`, whatever the spaces; "…" stands for anything. */
export function isPrinted(line: string, output: string): boolean {
  const words = (text: string) => text.trim().split(/\s+/).join(" ");
  const pattern = words(line)
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return output.split("\n").some((printed) => new RegExp(pattern).test(words(printed)));
}
