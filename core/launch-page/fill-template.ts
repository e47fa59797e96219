/** What the page's template has where its data go: a script that is never run, only read. */
export const DATA_PLACE = '<script type="application/json" id="launch-data">null</script>';

/**
 * Puts data into the page as JSON. No `<` is left in it, so that no text of the data can end the script or start an
 * element; the page shows them as text only.
 */
export function fillTemplate(template: string, data: unknown): string {
  const [before, after, ...more] = template.split(DATA_PLACE);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error("the launch page's template has not exactly one place for data");
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return `${before}${DATA_PLACE.replace("null", () => json)}${after}`;
}
