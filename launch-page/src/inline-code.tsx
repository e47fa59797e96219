import { Fragment } from "react";

/** A schema's description: text, with what stands between backticks as code. */
export function InlineCode({ text }: { readonly text: string }) {
  const parts = text.split("`").map((part, index) => ({ key: index, part, isCode: index % 2 === 1 }));
  return parts.map(({ key, part, isCode }) => (
    <Fragment key={key}>{isCode ? <code>{part}</code> : part}</Fragment>
  ));
}
