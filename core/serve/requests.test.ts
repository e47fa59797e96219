import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PIECE, requestTags } from "../launch-page/request-tags.ts";
import { RefusedError } from "./errors.ts";
import { parseRequest, requestText } from "./requests.ts";
import { TAGS } from "./tags.ts";

describe("a request in tags", () => {
  it("comes back as it was, whatever its characters, in pieces that every MLflow takes", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 400 }), { maxLength: 30 }), (texts) => {
        const request = { version: 1, config: { texts } } as const;
        const tags = requestTags(request);
        expect(
          Object.values(tags).every((piece) => piece.length <= PIECE && /^[\0-\x7e]*$/.test(piece)),
        ).toBe(true);
        expect(parseRequest(requestText(tags, 1_000_000))).toEqual(request);
      }),
    );
  });

  it("is refused when it is too long, also in pieces", () => {
    const tags = { [`${TAGS.request}.0`]: "x".repeat(900), [`${TAGS.request}.1`]: "x".repeat(900) };
    expect(requestText(tags, 1800)).toHaveLength(1800);
    expect(() => requestText(tags, 1799)).toThrow(/more than 1799 characters/);
    expect(() => requestText({ [TAGS.request]: "x".repeat(1800) }, 1799)).toThrow(RefusedError);
  });

  it.each([
    ["{", /not JSON/],
    ["[]", /\/: must be a mapping/],
    ['{"config":{}}', /the property "version" is missing/],
    ['{"version":2,"config":{}}', /\/version: must be 1/],
    ['{"version":1,"config":[]}', /\/config: must be a mapping/],
    ['{"version":1,"config":{},"run":"rm"}', /unknown property "run"/],
  ])("is refused where it is %s", (text, reason) => {
    expect(() => parseRequest(text)).toThrow(reason);
  });

  it("is missing where there is no tag", () => {
    expect(() => requestText({ other: "x" }, 1000)).toThrow(/no tag dualtail\.request/);
  });
});
