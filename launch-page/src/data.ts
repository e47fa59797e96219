import type { JsonObject, LaunchPageData } from "../../core/launch-page/types.ts";

/** What the page was made for; its schema is that of a request. */
export type PageData = Omit<LaunchPageData, "schema"> & { readonly schema: JsonObject };

/** @throws Error when the page holds no data: it is the template itself */
export function readData(): PageData {
  const data = JSON.parse(document.getElementById("launch-data")?.textContent ?? "null") as PageData | null;
  if (data === null) throw new Error("This is the page's template, without an experiment's data.");
  return data;
}
