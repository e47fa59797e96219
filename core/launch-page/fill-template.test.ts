import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DATA_PLACE, fillTemplate } from "./fill-template.ts";

const template = `<!doctype html><head></head><body>${DATA_PLACE}</body>`;

describe("data in the page", () => {
  it("are read back as they were and leave no way out of their script", () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("</script><img src=x onerror=alert(1)>", "<!--", "$&$'$`"),
    );
    fc.assert(
      fc.property(fc.dictionary(text, text), (data) => {
        const page = fillTemplate(template, data);
        const [start, end] = DATA_PLACE.split("null") as [string, string];
        const inside = page.slice(page.indexOf(start) + start.length, page.length - `${end}</body>`.length);
        expect(inside).not.toContain("<");
        expect(JSON.parse(inside)).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    );
  });

  it("need exactly one place", () => {
    expect(() => fillTemplate("<p>", {})).toThrow("exactly one place");
  });
});
