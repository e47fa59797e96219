import type { ErrorSchema, FieldProps } from "@rjsf/utils";
import { useState } from "react";
import { Errors } from "./errors.tsx";
import { InlineCode } from "./inline-code.tsx";

interface TextFieldProps extends FieldProps {
  readonly hint: string;
  write(value: unknown): string;
  /** What the text means; undefined for nothing. */
  read(text: string): unknown;
}

/** A value written as text. What cannot be read stays as it was written, for the schema to refuse. */
function TextField({ hint, write, read, ...props }: TextFieldProps) {
  const { schema, formData, fieldPathId, onChange, errorSchema, name, required } = props;
  const [typed, setTyped] = useState<string>();
  // What is being typed, as long as it means what the form holds: "1, " is not to become "1" under the cursor.
  const same = typed !== undefined && JSON.stringify(read(typed)) === JSON.stringify(formData);
  const id = fieldPathId.$id;
  return (
    <div>
      <label htmlFor={id}>
        {schema.title ?? name}
        {required ? "*" : ""}
      </label>
      <p className="description" id={`${id}__about`}>
        <InlineCode text={[schema.description, hint].filter(Boolean).join(" ")} />
      </p>
      <input
        id={id}
        type="text"
        value={same ? typed : write(formData)}
        aria-describedby={`${id}__about ${id}__wrong`}
        onChange={({ target }) => {
          setTyped(target.value);
          onChange(read(target.value), fieldPathId.path);
        }}
      />
      <Errors id={`${id}__wrong`} errors={innerErrors(errorSchema)} />
    </div>
  );
}

/** A list of numbers, separated by commas. */
export const NumbersField = (props: FieldProps) => (
  <TextField {...props} hint="Separated by commas." write={writeList} read={readList} />
);

/** A value of several possible types: a number, numbers separated by commas, or text. */
export const AnyTextField = (props: FieldProps) => (
  <TextField {...props} hint="" write={writeList} read={(text) => readAny(text, props.schema.anyOf)} />
);

const writeList = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

const readList = (text: string): unknown => {
  const parts = text.split(",").map((part) => part.trim());
  const numbers = parts.filter((part) => part !== "").map(asNumber);
  return numbers.length ? numbers : undefined;
};

const asNumber = (text: string): unknown =>
  text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;

function readAny(text: string, forms: unknown): unknown {
  if (text.trim() === "") return undefined;
  const types = (forms as readonly { type?: string }[] | undefined)?.map(({ type }) => type) ?? [];
  if (types.includes("string")) return text;
  return text.includes(",") ? readList(text) : asNumber(text.trim());
}

/** Of the entries, said at the list, which has one field for all. */
function innerErrors(errors: ErrorSchema | undefined): string[] {
  return Object.entries(errors ?? {}).flatMap(([key, value]) =>
    key === "__errors" ? [] : ((value as { __errors?: string[] })?.__errors ?? []),
  );
}
