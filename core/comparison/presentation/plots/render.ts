import type { TopLevelSpec } from "vega-lite";
import { CONFIG } from "./theme.ts";

/** The part of vega's text measurement that vega lets a host replace; absent from its type declarations. */
interface TextMetrics {
  width: (item: { fontSize?: number }, text: unknown) => number;
}

/** Mean advance of a sans-serif glyph in em; vega's own estimate (0.8) leaves gaps, and a canvas may or may not exist. */
const GLYPH_WIDTH = 0.6;

/** Characters that no XML may hold, however written: one in a label would make the whole picture unreadable. */
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/**
 * Compiles a Vega-Lite specification and draws it as SVG, without a browser and without a canvas. The same specification
 * gives the same bytes on every machine: text is measured by rule, identifiers start at zero.
 *
 * vega and vega-lite are loaded on first use; nothing else in the project pays for them.
 */
export function renderSvg(spec: TopLevelSpec): Promise<string> {
  const drawn = queue.then(() => draw(spec));
  queue = drawn.catch(() => undefined);
  return drawn;
}

/** One at a time: vega's counters and text measurement are global, and drawing is asynchronous. */
let queue: Promise<unknown> = Promise.resolve();

async function draw(spec: TopLevelSpec): Promise<string> {
  const [vegaModule, liteModule] = await Promise.all([import("vega"), import("vega-lite")]);
  const vega = unwrap(vegaModule);
  const { compile } = unwrap(liteModule);
  const { textMetrics, resetSVGDefIds } = vega as unknown as {
    textMetrics: TextMetrics;
    resetSVGDefIds: () => void;
  };
  const warnings: string[] = [];
  const logger = {
    level: () => logger,
    error: (...messages: unknown[]) => {
      warnings.push(messages.join(" "));
      return logger;
    },
    warn: (...messages: unknown[]) => {
      warnings.push(messages.join(" "));
      return logger;
    },
    info: () => logger,
    debug: () => logger,
  };
  const compiled = compile(spec, { config: CONFIG, logger: logger as never });
  const measured = textMetrics.width;
  textMetrics.width = ({ fontSize = 11 }, text) => GLYPH_WIDTH * fontSize * String(text ?? "").length;
  try {
    resetSVGDefIds();
    const view = new vega.View(vega.parse(compiled.spec), { renderer: "none", logger: logger as never });
    const svg = (await view.toSVG()).replaceAll(NOT_XML, "\ufffd");
    view.finalize();
    // A warning here is a mistake in a specification of ours, e.g. a scale over no data.
    if (warnings.length > 0) throw new Error(`plot: ${warnings.join("; ")}`);
    return svg;
  } finally {
    textMetrics.width = measured;
  }
}

/** vega is CommonJS: what Node gives under `default`, bundlers and test runners may give directly. */
function unwrap<T extends object>(module: T): T {
  return "default" in module ? (module.default as T) : module;
}
