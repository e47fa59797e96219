import { beforeEach, describe, expect, it } from "vitest";
import { analysisOf, backdoor, both, control, labels, restartDraws } from "../../test/support/made-rows.ts";
import type { Row } from "./read/rows.ts";
import { controlsFor, inOtherSpace } from "./roles.ts";
import { verdictBlocks } from "./sections/verdict.ts";

beforeEach(restartDraws);

const lead = (...rows: readonly Row[]) => {
  const [block] = verdictBlocks(analysisOf(...rows));
  return block?.kind === "paragraph" ? block.text : "";
};

describe("the first paragraph", () => {
  it("says that backdoor beats, is worse than, or cannot be told from the control", () => {
    const controls = both.map((backbone) => control(backbone, 0.6));
    expect(lead(backdoor(0.9), ...controls)).toMatch(
      /^backdoor · clip \+ openclip beats the control of its best backbone, (open)?clip \(\d\d\.\d %\): \+\d+\.\d points overall, 95 % interval \[\+.*; from the mean of the 2 controls \+.*, from that of (open)?clip \+[^;]*\.$/,
    );
    expect(lead(backdoor(0.3), ...controls)).toMatch(/is worse than the control of its best backbone, .*: −/);
    const same = control("clip", 0.6);
    const twin: Row = { ...same, loss: "backdoor", kind: "post-hoc", backbones: both };
    expect(lead(twin, same)).toMatch(
      /cannot be told apart from the control of clip \(\d\d\.\d %\): 0\.0 points .*\[0\.0, 0\.0\]; there is no control of openclip\.$/,
    );
  });

  it("sums several backdoor rows up and has a line for each", () => {
    const other: Row = { ...backdoor(0.3), label: "backdoor (weak)" };
    const of = (...rows: readonly Row[]) => verdictBlocks(analysisOf(...rows, control("clip", 0.6)));
    expect(of(backdoor(0.9), other)).toEqual([
      expect.objectContaining({
        lead: true,
        text: expect.stringMatching(
          /^1 of the 2 backdoor rows .* \(0 cannot be told apart from it, 1 worse\)\.$/,
        ),
      }),
      { kind: "list", items: [expect.stringContaining("beats"), expect.stringContaining("is worse")] },
    ]);
    expect(of(backdoor(0.3), other)[0]).toMatchObject({ text: expect.stringMatching(/^None of the 2/) });
    expect(of(backdoor(0.9), { ...other, runs: backdoor(0.9).runs })[0]).toMatchObject({
      text: expect.stringMatching(/^Each of the 2/),
    });
  });

  it("says that there is no control, or no backdoor", () => {
    expect(lead(backdoor(0.9))).toMatch(
      /^Whether backdoor beats the control cannot be said: there is no control row/,
    );
    expect(lead(control("clip", 0.5))).toMatch(/^There is no backdoor row/);
  });

  it("says when it rests on one seed, and when seeds differ", () => {
    expect(lead(backdoor(0.9, [0]), control("clip", 0.5, [0]))).toMatch(/one seed, so images alone/);
    expect(lead(backdoor(0.9), control("clip", 0.5, [7, 8]))).toMatch(/no seeds in common/);
  });

  it("names the control of the best backbone, and counts only what beats the control of each", () => {
    const controls = [control("clip", 0.75), control("openclip", 0.4)];
    expect(lead(backdoor(0.6), ...controls)).toMatch(/is worse than .* its best backbone, clip \(7\d/);
    expect(lead(backdoor(0.95), ...controls)).toMatch(
      /beats .* best backbone, clip .*that of openclip \+[45]/,
    );
    // The better control has one seed, so images alone; the worse one's seeds differ so much that nothing can be said.
    const base = backdoor(0.7);
    const swinging = control("openclip", 0.6);
    const runs = swinging.runs.map((run, s) => ({
      ...run,
      correct: Uint8Array.from(labels, (_, i) => Number((i * 7) % 10 < [1, 5, 10][s]!)),
    }));
    const text = lead(base, control("clip", 0.61), { ...swinging, runs });
    expect(text).toMatch(
      /cannot be told apart from the control of its best backbone, clip .*: \+.* interval \[\+/,
    );
  });

  it("holds a combination against controls of its backbones that combine alike", () => {
    const make = (backbone: string, space: string, tau = "1") => ({
      ...control(backbone, 0.5),
      options: { "loss.space": space, "loss.tau": tau },
    });
    const controls = [
      make("clip", "logit"),
      make("clip", "probability", "2"),
      make("clip", "probability"),
      make("other", "probability"),
      make("openclip", "logit"),
    ];
    const probability = {
      ...backdoor(0.5),
      options: { "loss.mode": "post-hoc", "loss.space": "probability", "loss.tau": "1" },
    };
    // openclip has none in probability space: the other one is better than none, and is said to be another.
    expect(controlsFor([...controls, probability], probability)).toEqual([controls[2], controls[4]]);
    expect(controls.map((own) => inOtherSpace(own, probability))).toEqual([true, false, false, false, true]);
    expect(controlsFor(controls, backdoor(0.5))).toEqual([controls[0], controls[4]]);
    const logit = { ...probability, options: { ...probability.options, "loss.space": "logit" } };
    expect(controlsFor(controls, logit)).toEqual([controls[0], controls[4]]);
  });

  it("is about backdoor alone: other combinations go further than their ensembling", () => {
    const gla = { ...backdoor(0.9), loss: "backdoor-gla", label: "backdoor-gla" };
    expect(lead(gla, control("clip", 0.5))).toMatch(/^There is no backdoor row/);
  });
});
