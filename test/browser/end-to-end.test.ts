import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MlflowClient, Run } from "../../core/mlflow-js-client/index.ts";
import { type Finished, finish, main, startScript, toyPlugin as toy } from "../support/cli.ts";
import { mlflowClient, SERVER_START, uniqueName } from "../support/mlflow-server.ts";
import { makeTinyClip } from "../support/tiny-clip.ts";
import { buildIfStale } from "./build-if-stale.ts";
import { chromiumPath, openBrowser, watchForTrouble } from "./chromium.ts";
import { replaceWith, tabTo } from "./keyboard.ts";
import { enterTag, htmlArtifact, prepareForMlflow } from "./mlflow-ui.ts";

/** Of a training that is stopped before its end: a matter of seconds, whatever the machine. */
const EPOCHS = 160;
/** Milliseconds for what takes ten seconds or so when nothing else runs on the machine. */
const LONG = 100_000;

/** A minute and more of clicks and trainings: not part of every `npm test`. */
const asked = process.env.DUALTAIL_BROWSER === "full";

// A browser is not among what npm installs: without one there is nothing to drive.
describe.skipIf(!chromiumPath || !asked)(
  "a comparison's life in MLflow's pages (skipped without DUALTAIL_BROWSER=full, and where no Chromium is found)",
  { timeout: 3 * LONG },
  () => {
    let dir: string;
    let client: MlflowClient;
    let experimentId: string;
    let server: ReturnType<typeof startScript>;
    let ended: Promise<Finished>;
    let formUrl: string;
    let browser: Browser;
    let context: BrowserContext;
    /** MLflow's pages, and the form at its own address. */
    let mlflow: Page;
    let form: Page;
    /** The launchpad's page in MLflow. */
    let pad: Page;
    let trouble: string[];

    beforeAll(async () => {
      await buildIfStale();
      dir = await mkdtemp(join(tmpdir(), "dualtail-end-to-end-"));
      await makeTinyClip(join(dir, "one"), { channels: 1, seed: 1 });
      client = await mlflowClient();
      const experiment = uniqueName("end-to-end");
      experimentId = await client.experiments.create(experiment);
      const config = {
        experiments: [experiment],
        plugins: [toy],
        datasets: { stripes: { use: "toy", head: 12 } },
        backbones: { small: { use: "clip", folder: "./one" } },
        limits: { epochs: 1000 },
        interval: 0.5,
        threads: 1,
      };
      await writeFile(join(dir, "serve.yaml"), JSON.stringify(config));
      const args = ["serve", "--config", "serve.yaml", "--http", "0"];
      server = startScript(main, args, dir, { MLFLOW_TRACKING_URI: client.baseUrl });
      ended = finish(server);
      formUrl = await new Promise<string>((resolve, reject) => {
        let text = "";
        server.stdout.on("data", (chunk: Buffer) => {
          text += chunk.toString();
          const [, url] = /^form of .*: (http\S+)$/m.exec(text) ?? [];
          if (url) resolve(url);
        });
        void ended.then(({ stderr }) => reject(new Error(stderr)));
      });
      browser = await openBrowser();
      context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      context.setDefaultTimeout(30_000);
      await prepareForMlflow(context);
      mlflow = await context.newPage();
      form = await context.newPage();
      trouble = watchForTrouble(form);
    }, SERVER_START);

    afterAll(async () => {
      await browser?.close();
      server?.kill("SIGINT");
      const { code, stderr } = await ended;
      await rm(dir, { recursive: true, force: true });
      expect(code, stderr).toBe(0);
    });

    const runPage = (runId: string) => `${client.baseUrl}/#/experiments/${experimentId}/runs/${runId}`;
    const item = (name: string) =>
      form.getByRole("listitem").filter({ has: form.getByRole("link", { name, exact: true }) });
    const listed = (name: string, state: string) =>
      item(name).getByText(state, { exact: true }).first().waitFor({ timeout: LONG });
    /** A request's run; one of the name is made by each test. */
    const find = async (name: string): Promise<Run> => {
      const { items } = await client.runs.search({
        experimentIds: [experimentId],
        filter: `attributes.run_name = '${name}'`,
      });
      expect(items).toHaveLength(1);
      return items[0]!;
    };
    const nestedOf = async (runId: string): Promise<(string | undefined)[]> => {
      const filter = `tags.\`mlflow.parentRunId\` = '${runId}'`;
      const { items } = await client.runs.search({ experimentIds: [experimentId], filter });
      return items.map(({ info }) => info.runName).sort();
    };
    /** From the top of the form: what is typed into it, and then Launch. */
    const launch = async (fields: Readonly<Record<string, string>>) => {
      await form.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      for (const [name, value] of Object.entries(fields)) {
        await tabTo(form, name);
        if (name === "Loss") await form.keyboard.type(value);
        else await replaceWith(form, value);
      }
      await tabTo(form, "Launch");
      await form.keyboard.press("Enter");
      await form.getByText("The request is sent").waitFor();
    };

    it("begins at the link in the experiment's description, which shows the form among the artifacts", async () => {
      await mlflow.goto(`${client.baseUrl}/#/experiments/${experimentId}/runs`);
      const opened = mlflow.waitForEvent("popup");
      await mlflow.getByRole("link", { name: "Start a comparison" }).click();
      pad = await opened;
      const viewed = htmlArtifact(pad);
      await viewed.getByRole("heading", { name: "Launch by hand" }).waitFor();
      expect(await viewed.getByRole("checkbox", { name: "small" }).isChecked()).toBe(true);
    });

    it("launches from the form by keyboard alone, and shows up finished in both", async () => {
      await form.goto(formUrl);
      await form.getByText("Nothing yet.").waitFor();
      await launch({ Name: "first", Loss: "la", Epochs: "1", "Batch size": "8" });
      await listed("first", "finished");
      const { info, tags } = await find("first");
      expect([info.status, tags["dualtail.state"]]).toEqual(["FINISHED", "finished"]);
      expect(await nestedOf(info.runId)).toEqual(["la · small · seed 0", "zero-shot · small"]);
      await mlflow.reload();
      await mlflow.getByRole("link", { name: "first", exact: true }).click();
      await mlflow.getByText("Finished", { exact: true }).waitFor();
      await mlflow.getByRole("link", { name: "la · small · seed 0" }).waitFor();
      // What the next one will take is known by then.
      await form.reload();
      await form.getByText("going by 1 finished training.").waitFor();
    });

    it("stops at a tag that is set in MLflow's own editor, and goes on in the same run", async () => {
      await launch({ Name: "long", Loss: "la", Epochs: String(EPOCHS), "Batch size": "1" });
      const before = await find("long");
      await mlflow.goto(runPage(before.info.runId));
      const stop = await enterTag(mlflow, "dualtail.action", "stop");
      const stateOf = async () => (await find("long")).tags["dualtail.state"];
      await expect.poll(stateOf, { timeout: LONG }).toBe("running");
      await stop();
      await listed("long", "killed");
      const killed = await find("long");
      expect([killed.info.runId, killed.info.status]).toEqual([before.info.runId, "KILLED"]);
      expect(killed.tags["dualtail.message"]).toContain("dualtail.action = resume");

      await form.getByRole("button", { name: "Resume long", exact: true }).press("Enter");
      await listed("long", "finished");
      const finished = await find("long");
      expect([finished.info.runId, finished.info.status]).toEqual([before.info.runId, "FINISHED"]);
      expect(await nestedOf(finished.info.runId)).toEqual(["la · small · seed 0"]);
      await mlflow.reload();
      await mlflow.getByText("Finished", { exact: true }).waitFor();
    });

    it("is cloned with another loss", async () => {
      await form.getByRole("button", { name: "Clone first", exact: true }).press("Enter");
      await form.getByText("The form is filled in from first.").waitFor();
      await launch({ Name: "third", Loss: "ce" });
      await listed("third", "finished");
      const { info, params } = await find("third");
      expect(params).toMatchObject({ "train.epochs": "1", "train.batchSize": "8" });
      expect(await nestedOf(info.runId)).toEqual(["ce · small · seed 0"]);
    });

    it("is launched without the form's sending, by its text as a tag of the launchpad", async () => {
      const viewed = htmlArtifact(pad);
      await viewed.getByRole("textbox", { name: "Name" }).fill("by hand");
      await viewed.getByLabel("Loss", { exact: true }).selectOption("la");
      await viewed.getByRole("spinbutton", { name: "Epochs" }).fill("1");
      await viewed.getByRole("spinbutton", { name: "Batch size" }).first().fill("8");
      const text = await viewed.getByRole("textbox", { name: "Value of the tag" }).inputValue();
      expect(JSON.parse(text)).toMatchObject({ name: "by hand", losses: ["la"] });
      await pad.getByRole("tab", { name: "Overview" }).click();
      await (await enterTag(pad, "dualtail.launch", text))();
      await listed("by hand", "finished");
      // As "first", whose results it takes over.
      expect(await nestedOf((await find("by hand")).info.runId)).toEqual([]);
      expect(trouble).toEqual([]);
    });
  },
);
