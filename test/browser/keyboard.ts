import type { Page } from "playwright-core";

/** Goes on with Tab until the element of this name is reached, as someone without a mouse does. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 120; i++) {
    await page.keyboard.press("Tab");
    for (const frame of page.frames()) {
      const reached = await frame.evaluate((wanted) => {
        const element = document.activeElement as HTMLInputElement | null;
        const labels = [...(element?.labels ?? [])].map((label) => label.textContent?.trim());
        return [element?.getAttribute("aria-label"), element?.textContent, ...labels].includes(wanted);
      }, name);
      if (reached) return;
    }
  }
  throw new Error(`Tab does not reach "${name}"`);
}

/** Puts text where something stands already. */
export async function replaceWith(page: Page, text: string): Promise<void> {
  await page.keyboard.press("Control+a");
  await page.keyboard.type(text);
}
