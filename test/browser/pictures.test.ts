import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfigDocument } from "../../core/comparison/config/index.ts";
import { createContainer, resolve } from "../../core/container/index.ts";
import { silentReporter } from "../../core/container/reporter.ts";
import type { MlflowClient } from "../../core/mlflow-js-client/index.ts";
import type { ServeContext } from "../../core/serve/context.ts";
import { validateServeConfig } from "../../core/serve/index.ts";
import { openLaunchpad } from "../../core/serve/launchpad.ts";
import { dualtail } from "../support/cli.ts";
import { mlflowClient, SERVER_START } from "../support/mlflow-server.ts";
import { buildIfStale } from "./build-if-stale.ts";
import { chromiumPath, openBrowser } from "./chromium.ts";
import { htmlArtifact, prepareForMlflow } from "./mlflow-ui.ts";

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const picture = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));

const EXPERIMENT = "icons-lt-demo";
/** Of the demo's comparison, so that it takes minutes. */
const EPOCHS = 2;
const COLUMNS = ["overall", "d_few", "p_few", "dual_tail"].map((metric) => `metrics.\`test/${metric}\``);

// Not a test: `DUALTAIL_SCREENSHOTS=1 npm run test:browser` makes the pictures of MLflow's pages in docs/images, of the
// demo's data and models.
describe.runIf(chromiumPath && process.env.DUALTAIL_SCREENSHOTS)(
  "MLflow's pages (with DUALTAIL_SCREENSHOTS)",
  () => {
    let dir: string;
    let client: MlflowClient;
    let experimentId: string;
    let parentId: string;
    let padId: string;
    let browser: Browser;
    let page: Page;

    beforeAll(async () => {
      await buildIfStale();
      dir = await mkdtemp(join(tmpdir(), "dualtail-pictures-"));
      client = await mlflowClient();
      if ((await client.experiments.getByName(EXPERIMENT)) === undefined) {
        const demo = (await readFile(example("demo.yaml"), "utf8"))
          .replace("epochs: 4", `epochs: ${EPOCHS}`)
          .replaceAll("../testbed", fileURLToPath(new URL("../../testbed", import.meta.url)));
        await writeFile(join(dir, "demo.yaml"), demo);
        const { code, stderr } = await dualtail(["compare", "demo.yaml"], dir, {
          MLFLOW_TRACKING_URI: client.baseUrl,
        });
        expect(code, stderr).toBe(0);
      }
      ({ experimentId } = (await client.experiments.getByName(EXPERIMENT))!);
      const found = await client.runs.search({
        experimentIds: [experimentId],
        filter: "tags.`dualtail.kind` = 'comparison'",
      });
      parentId = found.items[0]!.info.runId;
      const registry = resolve(await createContainer(), "registry");
      const document = await readConfigDocument(example("serve.yaml"));
      const context: Partial<ServeContext> = {
        client,
        registry,
        config: validateServeConfig(document, registry),
        reporter: silentReporter,
      };
      padId = await openLaunchpad(context as ServeContext, { experimentId, name: EXPERIMENT });
      browser = await openBrowser();
      const browserContext = await browser.newContext({ viewport: { width: 1360, height: 860 } });
      await prepareForMlflow(browserContext);
      // What MLflow itself keeps when someone chooses columns and unfolds rows.
      await browserContext.addInitScript(
        ([id, parent, columns]) => {
          const kept = {
            orderByKey: "attributes.start_time",
            orderByAsc: true,
            startTime: "ALL",
            lifecycleFilter: "Active",
            modelVersionFilter: "All Runs",
            datasetsFilter: [],
            searchFilter: "",
            selectedColumns: columns,
            runsExpanded: { [parent]: true },
          };
          const prefix = "MLflowLocalStorage-1.1";
          localStorage.setItem(
            `${prefix}-ExperimentPage-["${id}"]-ReactComponentState`,
            JSON.stringify(kept),
          );
        },
        [experimentId, parentId, COLUMNS] as const,
      );
      page = await browserContext.newPage();
      page.setDefaultTimeout(60_000);
    }, 2 * SERVER_START);
    afterAll(async () => {
      await browser?.close();
      await rm(dir, { recursive: true, force: true });
    });

    const open = async (path: string) => {
      await page.goto(`${client.baseUrl}/#/experiments/${experimentId}/${path}`);
      await page.getByRole("button", { name: "Model training" }).click();
    };
    /** Pictures and tables are drawn after what can be waited for. */
    const take = async (name: string) => {
      await page.waitForTimeout(2000);
      await page.screenshot({ path: picture(name) });
    };

    it("a comparison's runs", async () => {
      await open("runs");
      await page.getByRole("link", { name: /^ce · clip/ }).waitFor();
      const edge = page.locator('[col-id="attributes.`Run Name`"] .ag-header-cell-resize').first();
      const { x, y } = (await edge.boundingBox())!;
      await page.mouse.move(x + 2, y + 8);
      await page.mouse.down();
      await page.mouse.move(x + 200, y + 8, { steps: 8 });
      await page.mouse.up();
      await page.mouse.move(0, 0);
      await take("mlflow-comparison");
    });

    it("its description", async () => {
      await open(`runs/${parentId}`);
      await page.getByText("Show more", { exact: true }).click();
      await take("mlflow-run");
    });

    it("its pictures", async () => {
      await open(`runs/${parentId}/artifacts/plots/group-accuracy-clip.svg`);
      await take("mlflow-plots");
    });

    it("the launchpad", async () => {
      await open(`runs/${padId}/artifacts/launch.html`);
      await htmlArtifact(page).getByRole("heading", { name: "Launch a comparison" }).waitFor();
      await take("mlflow-launchpad");
    });
  },
);
