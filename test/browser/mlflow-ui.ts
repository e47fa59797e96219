import type { BrowserContext, FrameLocator, Page } from "playwright-core";

/** MLflow's own pages, as they come: only the assistant, which opens itself over everything, is put away. */
export async function prepareForMlflow(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
    localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
  });
}

/** What MLflow's viewer shows of an HTML artifact. */
export const htmlArtifact = (page: Page): FrameLocator => page.frameLocator("iframe.mlflow-html-iframe");

/** Fills in the tag editor on a run's page. @returns what saves it */
export async function enterTag(page: Page, key: string, value: string): Promise<() => Promise<void>> {
  await page.getByRole("button", { name: "Edit tags" }).click();
  const dialog = page.getByRole("dialog", { name: "Add/Edit tags" });
  await dialog.getByRole("combobox").fill(key);
  await page.keyboard.press("Enter");
  await dialog.getByRole("textbox", { name: "Value" }).fill(value);
  await dialog.getByRole("button", { name: "Add tag" }).click();
  return async () => {
    await dialog.getByRole("button", { name: "Save tags" }).click();
    await dialog.waitFor({ state: "detached" });
  };
}
