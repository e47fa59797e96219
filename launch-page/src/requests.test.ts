import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestTags } from "../../core/launch-page/request-tags.ts";
import { parseRequest, requestText } from "../../core/serve/requests.ts";
import { requestIn } from "./requests.ts";
import { prefixOf } from "./server.ts";

describe("a request in tags", () => {
  it("is read back by the watcher and by the page, whatever its length and characters", () => {
    const text = fc.string({ unit: "binary", maxLength: 6000, size: "max" });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), text, { maxKeys: 3 }), (config) => {
        const request = JSON.parse(JSON.stringify({ version: 1, config }));
        const tags = requestTags(request);
        expect(Object.values(tags).every((piece) => piece.length <= 4500)).toBe(true);
        expect(parseRequest(requestText(tags, 1_000_000))).toEqual(request);
        expect(requestIn(tags)).toEqual(request.config);
      }),
      { numRuns: 30 },
    );
  });

  it("that cannot be read is none", () => {
    expect(requestIn({ "dualtail.request": "{" })).toBeUndefined();
    expect(requestIn({})).toBeUndefined();
  });
});

describe("the server's prefix", () => {
  it.each([
    ["/", ""],
    ["/launch.html", ""],
    ["/team/launch.html", "/team"],
    ["/team/", "/team"],
    ["/a/b/get-artifact", "/a/b"],
    ["/a/ajax-api/2.0/mlflow/x", "/a"],
  ])("of %s is %j", (path, prefix) => {
    expect(prefixOf(path)).toBe(prefix);
  });
});
