import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, FrameLocator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchPage } from "../../core/launch-page/index.ts";
import type { MlflowClient, Run } from "../../core/mlflow-js-client/index.ts";
import { mlflowClient, SERVER_START, uniqueName } from "../support/mlflow-server.ts";
import { controlsOf, faintTexts } from "./accessibility.ts";
import { buildIfStale } from "./build-if-stale.ts";
import { chromiumPath, openBrowser, watchForTrouble } from "./chromium.ts";
import { tabTo as tabToIn } from "./keyboard.ts";
import { type ServedPage, servePage } from "./serve-page.ts";

const SHOTS =
  process.env.DUALTAIL_SCREENSHOTS && fileURLToPath(new URL("../../docs/images/", import.meta.url));
const hostile = "<img src=x onerror=alert(1)></script><script>alert(2)</script>";

// A browser is not among what npm installs: without one there is nothing to drive.
describe.skipIf(!chromiumPath)("the launch page in a browser (skipped where no Chromium is found)", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let trouble: string[];
  let client: MlflowClient;
  let experimentId: string;
  let launchpad: Run;
  let served: ServedPage;

  beforeAll(async () => {
    await buildIfStale();
    client = await mlflowClient();
    const experimentName = uniqueName("launch");
    experimentId = await client.experiments.create(experimentName);
    const schema = JSON.parse(
      await readFile(new URL("../../schemas/comparison.schema.json", import.meta.url), "utf8"),
    );
    const html = await launchPage({
      experimentId,
      experimentName: SHOTS ? "icons" : `${experimentName} ${hostile}`,
      schema,
      presets: {
        quick: { dataset: "icons", backbones: ["clip"], losses: ["ce", "la"], peft: "lora", seeds: [0] },
        wrong: { losses: [{ use: "la", tau: "x" }] },
        ...(SHOTS ? {} : { [hostile]: { losses: ["la"] } }),
      },
      offers: {
        datasets: ["icons", ...(SHOTS ? [] : [hostile])],
        backbones: ["clip", "openclip", "metaclip"],
        losses: ["ce", "la", "gla-train", "backdoor", "backdoor-strata"],
        pefts: ["adaptformer", "lora"],
        devices: ["cpu"],
      },
      limits: { trainings: 100, epochs: 20 },
      timings: ["clip", "openclip", "metaclip"].map((backbone) => ({
        dataset: "icons",
        backbone,
        device: "cpu",
        secondsPerEpoch: 7.5,
        trainings: 4,
      })),
    });
    launchpad = await client.runs.create({ experimentId, runName: "launchpad" });
    await client.artifacts.upload(launchpad.info, "launch.html", html);
    served = await servePage(html, client.baseUrl);
    browser = await openBrowser();
  }, SERVER_START);

  afterAll(async () => {
    await browser?.close();
    served?.close();
  });

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    trouble = watchForTrouble(page);
  });

  afterEach(() => context.close());

  const viewer = async (): Promise<FrameLocator> => {
    await page.goto(
      `${client.baseUrl}/#/experiments/${experimentId}/runs/${launchpad.info.runId}/artifacts/launch.html`,
    );
    return page.frameLocator("iframe.mlflow-html-iframe");
  };
  const requests = async () => {
    const { items } = await client.runs.search({
      experimentIds: [experimentId],
      filter: "tags.`dualtail.kind` = 'request'",
    });
    return items;
  };
  const tabTo = (name: string) => tabToIn(page, name);

  it("in MLflow's viewer without an origin makes a config to be carried by hand", async () => {
    const frame = await viewer();
    await frame.getByText("Launch by hand").waitFor();
    const area = frame.getByLabel("Value of the tag");
    expect(JSON.parse(await area.inputValue())).toMatchObject({ dataset: "icons", backbones: ["clip"] });
    await frame.getByLabel("openclip").check();
    await frame.getByLabel("Epochs*").or(frame.getByLabel("Epochs")).first().fill("3");
    await expect
      .poll(async () => JSON.parse(await area.inputValue()))
      .toMatchObject({ backbones: ["clip", "openclip"], train: { epochs: 3 } });
    expect(trouble).toEqual([]);
  });

  it("in a viewer that gives it the server's origin sends a request, by keyboard alone", async () => {
    // MLflow's own page, with the attribute that its main branch had: no release so far has it.
    await page.route("**/static/js/*.js", async (route) => {
      const answer = await route.fetch();
      const text = await answer.text();
      const body = text.replaceAll('sandbox:"allow-scripts"', 'sandbox:"allow-scripts allow-same-origin"');
      await route.fulfill({ response: answer, body });
    });
    const frame = await viewer();
    await frame.getByRole("button", { name: "Launch", exact: true }).waitFor();
    await frame.getByLabel("Name", { exact: true }).focus();
    await page.keyboard.type("from the viewer ü");
    await tabTo("metaclip");
    await page.keyboard.press("Space");
    await tabTo("Loss");
    await page.keyboard.type("backdoor");
    await tabTo("Seeds*");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("0, 1");
    await tabTo("Launch");
    await page.keyboard.press("Enter");
    await frame.getByText("The request is sent").waitFor();
    const [run] = await requests();
    expect(run!.info).toMatchObject({ status: "SCHEDULED", runName: "from the viewer ü" });
    expect(run!.tags).toMatchObject({ "dualtail.watch": "1", "dualtail.kind": "request" });
    expect(run!.tags["dualtail.run_id"]).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.parse(run!.tags["dualtail.request"]!)).toEqual({
      version: 1,
      config: {
        name: "from the viewer ü",
        dataset: "icons",
        backbones: ["clip", "metaclip"],
        losses: ["backdoor"],
        peft: "adaptformer",
        seeds: [0, 1],
      },
    });
    expect(trouble).toEqual([]);
  });

  it("served, lists runs, acts on them, clones them, and says what is wrong", async () => {
    const tags = { "dualtail.watch": "1", "dualtail.kind": "comparison" };
    const name = SHOTS ? "three losses" : `running ${hostile}`;
    const running = await client.runs.create({
      experimentId,
      runName: name,
      tags: { ...tags, "dualtail.state": "running", "dualtail.message": "cell 3 of 9" },
    });
    const finished = await client.runs.create({
      experimentId,
      runName: "first try",
      tags: { ...tags, "dualtail.state": "finished" },
    });
    const config = {
      dataset: { use: "image-folder", label: "icons", options: {} },
      losses: [{ use: "la", options: { tau: 2 } }],
      peft: [],
    };
    await client.artifacts.upload(finished.info, "config.resolved.json", JSON.stringify(config));

    await page.goto(served.url);
    await page.getByRole("button", { name: `Stop ${name}` }).click();
    await expect
      .poll(async () => (await client.runs.get(running.info.runId)).tags["dualtail.action"])
      .toBe("stop");
    await client.runs.setTag(finished.info.runId, "dualtail.state", "failed");
    await page.getByText("first try is now failed.").waitFor();

    await page.getByRole("button", { name: "Clone first try" }).click();
    await page.getByText("The form is filled in from first try.").waitFor();
    expect(await page.getByLabel("Loss", { exact: true }).inputValue()).toBe("la");
    await page
      .getByText("Trains 1 model, for the 1 row asked for. About 75 s, going by 4 finished trainings.")
      .waitFor();

    const before = (await requests()).length;
    await page.getByLabel("Epochs").fill("21");
    await page.getByText("must be at most 20, but is 21").first().waitFor();
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.getByRole("alert").getByText("Not sent").waitFor();
    await page.getByLabel("Epochs").fill("2");
    await page.getByRole("alert").waitFor({ state: "detached" });
    await page.getByLabel("Start from").selectOption("wrong");
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.locator("#root_losses_0_tau__error").getByText('must be a number, but is "x"').waitFor();
    await page.getByLabel("Start from").selectOption("quick");
    await page.route("**/runs/create", (route) =>
      route.fulfill({ status: 403, json: { error_code: "PERMISSION_DENIED", message: "Not yours." } }),
    );
    await page.getByRole("button", { name: "Launch", exact: true }).click();
    await page.getByText("MLflow says: Not yours. (PERMISSION_DENIED)").waitFor();
    expect((await requests()).length).toBe(before);
    expect(await page.locator("img").count()).toBe(0);
    expect(trouble).toEqual([]);
  });

  it("gives every control a name, and can be read in light and dark", async () => {
    await page.goto(served.url);
    await page.getByLabel("Start from").selectOption("quick");
    await page.getByLabel("Loss", { exact: true }).first().selectOption("backdoor-strata");
    for (const details of await page.locator("details").all())
      await details.evaluate((one) => one.setAttribute("open", ""));
    const controls = await controlsOf(page);
    expect(controls.length).toBeGreaterThan(30);
    expect(controls.filter(({ name }) => name === "")).toEqual([]);
    const ids = await page.locator("[id]").evaluateAll((elements) => elements.map(({ id }) => id));
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    // Something wrong, too, is to be read.
    await page.getByLabel("Epochs").fill("21");
    await page.getByText("must be at most 20, but is 21").first().waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect({ colorScheme, faint: await faintTexts(page) }).toEqual({ colorScheme, faint: [] });
    }
  });

  // Not a test: `DUALTAIL_SCREENSHOTS=1 npm run test:browser` makes the pictures of docs/launch.md.
  if (SHOTS) {
    it("is pictured", async () => {
      await mkdir(SHOTS, { recursive: true });
      await page.setViewportSize({ width: 820, height: 900 });
      await page.goto(served.url);
      await page.getByLabel("Start from").selectOption("quick");
      await page.getByText("first try").first().waitFor();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${SHOTS}launch-${colorScheme}.png`, fullPage: true });
      }
    });
  }
});
