import type { FieldProps } from "@rjsf/utils";
import type { JsonObject } from "../../core/launch-page/types.ts";
import { Errors } from "./errors.tsx";
import { InlineCode } from "./inline-code.tsx";
import { uiSchemaOf } from "./ui-schema.ts";

interface Branch {
  readonly title: string;
  readonly description?: string;
  readonly properties: Readonly<Record<string, JsonObject>>;
  readonly required?: readonly string[];
}

/** Something chosen by name, with the chosen one's options under it. */
export function ChoiceField(props: FieldProps) {
  const { schema, formData, fieldPathId, onChange, registry, errorSchema, name } = props;
  const branches = (schema.oneOf ?? []) as unknown as readonly Branch[];
  const chosen = branches.find(({ title }) => title === formData?.use);
  const { use: _use, ...properties } = chosen?.properties ?? {};
  const ObjectField = registry.fields.ObjectField!;
  const options = { type: "object", properties } as const;
  const id = fieldPathId.$id;
  const count = Object.keys(properties).length;
  const use = (errorSchema as { use?: { __errors?: string[] } } | undefined)?.use;
  return (
    <div className="choice">
      <label htmlFor={id}>{schema.title ?? name}</label>
      {schema.description ? (
        <p className="description">
          <InlineCode text={schema.description} />
        </p>
      ) : null}
      <select
        id={id}
        value={formData?.use ?? ""}
        aria-describedby={`${id}__about`}
        onChange={({ target }) => onChange({ use: target.value }, fieldPathId.path)}
      >
        {chosen ? null : <option value="">choose</option>}
        {branches.map(({ title }) => (
          <option key={title}>{title}</option>
        ))}
      </select>
      <p className="description" id={`${id}__about`}>
        <InlineCode text={chosen?.description ?? ""} />
      </p>
      <Errors id={`${id}__use`} errors={use?.__errors} />
      {count > 0 ? (
        <details open={hasErrors(errorSchema) || undefined}>
          <summary>
            Options of {chosen?.title}
            <span className="hidden"> ({schema.title ?? name})</span>
          </summary>
          <ObjectField
            {...props}
            schema={options}
            uiSchema={{ ...uiSchemaOf(options, false), "ui:options": { label: false } }}
          />
        </details>
      ) : null}
    </div>
  );
}

const hasErrors = (errors: unknown): boolean =>
  typeof errors === "object" && errors !== null && Object.keys(errors).length > 0;
