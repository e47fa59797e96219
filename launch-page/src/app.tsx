import Form from "@rjsf/core";
import type { RJSFSchema } from "@rjsf/utils";
import { useMemo, useRef, useState } from "react";
import { fromForm, toForm } from "../../core/launch-page/form-data.ts";
import { describeSize, planSize } from "../../core/launch-page/plan-size.ts";
import { planTime } from "../../core/launch-page/plan-time.ts";
import type { JsonObject } from "../../core/launch-page/types.ts";
import { ChoiceField } from "./choice-field.tsx";
import { CloneForm } from "./clone-form.tsx";
import type { PageData } from "./data.ts";
import { NoOrigin } from "./no-origin.tsx";
import { submit } from "./requests.ts";
import { RunList } from "./run-list.tsx";
import { configOf } from "./runs.ts";
import type { Server } from "./server.ts";
import { templates } from "./templates.tsx";
import { AnyTextField, NumbersField } from "./text-fields.tsx";
import { uiSchemaOf } from "./ui-schema.ts";
import { useAnnouncement } from "./use-announcement.ts";
import { createValidator } from "./validator.ts";

/** A list that may be left out starts without entries, also where it must not be empty. */
const DEFAULTS = { arrayMinItems: { populate: "requiredOnly" } } as const;

const fields = { choice: ChoiceField, numbers: NumbersField, text: AnyTextField };

interface AppProps {
  readonly data: PageData;
  /** Absent where the page has no origin to ask from. */
  readonly server?: Server;
}

export function App({ data, server }: AppProps) {
  const { schema, offers, presets, experimentId, timings = [], limits } = data;
  const validator = useMemo(createValidator, []);
  const uiSchema = useMemo(() => uiSchemaOf(schema), [schema]);
  const start = useMemo(() => firstOffers(data), [data]);
  const [form, setForm] = useState<JsonObject>(start);
  const shown = useRef<Form>(null);
  const [rerun, setRerun] = useState(false);
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState("");
  const [announcement, say] = useAnnouncement();

  const config = fromForm(schema, form);
  const request = { version: 1 as const, config, ...(rerun ? { rerun } : {}) };
  const size = planSize(config, offers);
  const time = planTime(config, offers, { timings, usualEpochs: usualEpochsOf(schema) });
  const tooMuch = limits?.trainings !== undefined && size.trainings > limits.trainings;
  const pageOf = (runId: string) => server!.runPage(experimentId, runId);

  const fill = (from: JsonObject, what: string) => {
    const { data: filled, leftOut } = toForm(schema, from);
    setForm({ ...start, ...filled });
    const missing = leftOut.length ? ` Not offered here, and left out: ${leftOut.join(", ")}.` : "";
    say(`The form is filled in from ${what}.${missing}`);
  };
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem("");
    try {
      await work();
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const clone = (runId: string, name = `run ${runId}`) =>
    attempt(async () => {
      const found = await configOf(server!, runId);
      if (found) fill(found, name);
      else setProblem(`${name} keeps no config that could be cloned.`);
    });
  const launch = () =>
    attempt(async () => {
      const { errors } = validator.validateFormData(form, schema as RJSFSchema);
      // Beside the fields, too: a preset or a cloned config is not looked at before.
      shown.current?.validateForm();
      if (errors.length) throw new Error(`Not sent: ${errors.map(({ stack }) => stack).join(". ")}`);
      const id = await submit(server!, experimentId, request);
      setSent((before) => [id, ...before]);
      say("The request is sent; it waits for the watcher.");
    });

  return (
    <main>
      <h1>Launch a comparison</h1>
      <p>
        in the experiment <strong>{data.experimentName}</strong>
      </p>
      {Object.keys(presets).length ? (
        <div className="row">
          <label htmlFor="preset">Start from</label>
          <select
            id="preset"
            value=""
            onChange={({ target }) => fill(presets[target.value]!, `the preset ${target.value}`)}
          >
            <option value="" disabled>
              a preset
            </option>
            {Object.keys(presets).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </div>
      ) : null}
      {server ? <CloneForm onClone={(id) => void clone(id)} announce={say} /> : null}
      {/* Not a form element: a frame's sandbox forbids forms. The button sends. */}
      <Form
        ref={shown}
        tagName="div"
        schema={schema as RJSFSchema}
        uiSchema={uiSchema}
        validator={validator}
        formData={form}
        fields={fields}
        templates={templates}
        liveValidate="onChange"
        experimental_defaultFormStateBehavior={DEFAULTS}
        showErrorList="top"
        onChange={({ formData }) => {
          setForm(formData as JsonObject);
          setProblem("");
        }}
      >
        {/* In place of the button that submits a form. */}
        <span />
      </Form>
      <section className="launch" aria-label="Plan">
        <p id="plan">{describeSize(size, time)}</p>
        {tooMuch ? (
          <p className="notice bad">The watcher takes at most {limits.trainings} trainings a day.</p>
        ) : null}
        {server ? (
          <label>
            <input type="checkbox" checked={rerun} onChange={({ target }) => setRerun(target.checked)} /> Run
            again what the experiment already has
          </label>
        ) : null}
        {server ? (
          <button
            type="button"
            className="main"
            aria-describedby="plan"
            aria-disabled={busy}
            onClick={() => !busy && void launch()}
          >
            {busy ? "Sending…" : "Launch"}
          </button>
        ) : null}
        {problem ? (
          <p className="notice bad" role="alert">
            {problem}
          </p>
        ) : null}
        {sent.map((id) => (
          <p key={id} className="notice good">
            Sent:{" "}
            <a href={pageOf(id)} target="_blank" rel="noreferrer">
              run {id}
            </a>
          </p>
        ))}
      </section>
      <p className="announcement" role="status" aria-live="polite">
        {announcement}
      </p>
      {server ? (
        <RunList
          server={server}
          experimentId={experimentId}
          sent={sent.length}
          pageOf={pageOf}
          onClone={(id, name) => void clone(id, name)}
          announce={say}
        />
      ) : (
        <NoOrigin config={JSON.stringify(config)} />
      )}
    </main>
  );
}

/** What is chosen before anyone chose: the first of everything offered. */
function firstOffers({ offers }: PageData): JsonObject {
  return { dataset: offers.datasets[0], backbones: offers.backbones.slice(0, 1) };
}

function usualEpochsOf(schema: JsonObject): number {
  const { train } = schema.properties as Readonly<Record<string, { properties?: JsonObject }>>;
  return Number((train?.properties?.epochs as { default?: unknown } | undefined)?.default);
}
