import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run as runCli } from "../../core/cli/run.ts";
import type { MlflowClient, Run } from "../../core/mlflow-js-client/index.ts";
import { HOSTILE } from "../support/hostile-names.ts";
import { mlflowClient, SERVER_START, uniqueName } from "../support/mlflow-server.ts";
import { makeTinyClip } from "../support/tiny-clip.ts";
import { chromiumPath, openBrowser, watchForTrouble } from "./chromium.ts";
import { prepareForMlflow } from "./mlflow-ui.ts";

const plugin = fileURLToPath(new URL("../support/hostile-dataset.ts", import.meta.url));

/** Elements that our drawings are made of, and those that a report has besides. */
const DRAWN = "svg g path rect line text tspan title defs clipPath linearGradient stop".split(" ");
const WRITTEN = "html head meta title style body main h1 h2 h3 p ul li strong small div".split(" ");
const TABLES = "table thead tbody tr th td figure figcaption".split(" ");

// A browser is not among what npm installs: without one there is nothing that would run a script.
/** A comparison and its report in a browser: with the other long ones, not part of every `npm test`. */
const asked = process.env.DUALTAIL_BROWSER === "full";

describe.skipIf(!chromiumPath || !asked)(
  "names that are markup (skipped without DUALTAIL_BROWSER=full or Chromium)",
  () => {
    let dir: string;
    let client: MlflowClient;
    let runs: readonly Run[];
    let browser: Browser;
    let page: Page;
    let trouble: string[];
    /** Every text that was logged or written, by where it is. */
    const files = new Map<string, string>();

    const cli = async (...args: string[]) => {
      let text = "";
      const stream = () =>
        new PassThrough().on("data", (chunk: Buffer) => {
          text += chunk.toString();
        }) as unknown as NodeJS.WriteStream;
      const env = { MLFLOW_TRACKING_URI: client.baseUrl, DUALTAIL_CACHE: join(dir, "cache") };
      const code = await runCli([...args, "--quiet"], { env, cwd: dir, stdout: stream(), stderr: stream() });
      expect(code, text).toBe(0);
    };
    const keep = async (run: Run, folder?: string): Promise<void> => {
      for (const { path, isDir } of await client.artifacts.list(run.info.runId, folder)) {
        if (isDir) await keep(run, path);
        else if (/\.(svg|html|md)$/.test(path))
          files.set(
            `${run.info.runId}/${path}`,
            new TextDecoder().decode(await client.artifacts.download(run.info, path)),
          );
      }
    };

    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), "dualtail-hostile-"));
      await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1, texts: [...HOSTILE] });
      client = await mlflowClient();
      const experiment = `${uniqueName("hostile")} ${HOSTILE[0]} ${HOSTILE[1]} ${HOSTILE[4]}`;
      const config = {
        experiment,
        name: `${HOSTILE[1]} ${HOSTILE[0]} ${HOSTILE[7]}`,
        dataset: { use: "hostile", label: HOSTILE[3] },
        backbones: ["clip", "openclip"].map((use, i) => ({
          use,
          folder: "./one",
          label: HOSTILE[i],
        })),
        peft: "none",
        losses: [
          { use: "la", label: `${HOSTILE[2]} [x](javascript:alert(9)) | **b**` },
          // A config with control characters is refused; class names have them all the same. \ufffe stays.
          { use: "ce", label: `${HOSTILE[8].replaceAll(/\p{Cc}/gu, "")} ${HOSTILE[6]}` },
          { use: "backdoor", label: HOSTILE[9].slice(0, 100) },
          "control",
        ],
        seeds: [0],
        train: { epochs: 1, batchSize: 16 },
        plugins: [plugin],
        threads: 1,
      };
      await writeFile(join(dir, "hostile.json"), JSON.stringify(config));
      await cli("compare", "hostile.json");
      await cli("report", experiment, "--out", "report", "--resamples", "100");
      for (const name of await readdir(join(dir, "report"), { recursive: true })) {
        if (/\.\w+$/.test(name)) files.set(name, await readFile(join(dir, "report", name), "utf8"));
      }
      const { experimentId } = (await client.experiments.getByName(experiment))!;
      runs = (await client.runs.search({ experimentIds: [experimentId], maxResults: 100 })).items;
      for (const run of runs) await keep(run);
      browser = await openBrowser();
      const context = await browser.newContext();
      await prepareForMlflow(context);
      page = await context.newPage();
      trouble = watchForTrouble(page);
    }, SERVER_START);
    afterAll(async () => {
      await browser?.close();
      await rm(dir, { recursive: true, force: true });
    });

    const named = (extension: string) => [...files].filter(([name]) => name.endsWith(extension));
    /** Opens a document as one of a site's own, as MLflow's viewer does. */
    const open = async (text: string, contentType: string) => {
      await page.route("http://files.test/**", (route) => route.fulfill({ body: text, contentType }));
      await page.goto("http://files.test/file");
      await page.unroute("http://files.test/**");
      return page.evaluate(() => {
        const all = [...document.querySelectorAll("*")];
        const attributes = all.flatMap((one) => [...one.attributes]);
        return {
          elements: [...new Set(all.map(({ localName }) => localName))],
          handlers: attributes.filter(({ name }) => /^on/i.test(name)).map(({ name }) => name),
          links: attributes
            .filter(({ name, value }) => /^(xlink:)?href$|^src/i.test(name) && !value.startsWith("#"))
            .map(({ value }) => value),
          text: document.documentElement.textContent,
        };
      });
    };

    it("are texts in every drawing, which is whole", async () => {
      const drawings = named(".svg");
      expect(drawings.length).toBeGreaterThan(15);
      const shown = new Set<string>();
      for (const [name, svg] of drawings) {
        const { elements, handlers, links, text } = await open(svg, "image/svg+xml");
        expect({ name, foreign: elements.filter((one) => !DRAWN.includes(one)), handlers, links }).toEqual({
          name,
          foreign: [],
          handlers: [],
          links: [],
        });
        for (const one of HOSTILE) if (text?.includes(one.slice(0, 20))) shown.add(one);
      }
      expect([...shown]).toEqual(expect.arrayContaining([...HOSTILE.slice(0, 3)]));
      expect(trouble).toEqual([]);
    });

    it("are texts in the report", async () => {
      const reports = named(".html");
      expect(reports.length).toBe(2);
      for (const [, html] of reports) {
        const { elements, handlers, links, text } = await open(html, "text/html; charset=utf-8");
        const expected = [...DRAWN, ...WRITTEN, ...TABLES];
        expect(elements.filter((one) => !expected.includes(one))).toEqual([]);
        expect([handlers, links]).toEqual([[], []]);
        for (const one of HOSTILE.slice(0, 3)) expect(text).toContain(one);
      }
      expect(trouble).toEqual([]);
    });

    it("are texts in the Markdown, also as MLflow shows it", async () => {
      const texts = named(".md");
      expect(texts.length).toBe(3);
      for (const [name, text] of texts) expect(text, name).not.toMatch(/<(?!(https?:))/);
      for (const { info, tags } of runs.filter(({ tags }) => tags["mlflow.note.content"] !== undefined)) {
        await page.goto(`${client.baseUrl}/#/experiments/${info.experimentId}/runs/${info.runId}`);
        const note = page.locator('[data-testid="note-view-container"], .mlflow-ui-container').first();
        await page.getByRole("heading", { name: /^Description/ }).waitFor();
        await note.waitFor();
        expect(
          await page.locator("main").locator("img[src=x], img[src*=evil], a[href*=alert]").count(),
          tags["dualtail.kind"],
        ).toBe(0);
      }
      expect(trouble).toEqual([]);
    });
  },
);
