import {
  type ArrayFieldItemTemplateProps,
  type ArrayFieldTemplateProps,
  type DescriptionFieldProps,
  type ErrorListProps,
  type FieldErrorProps,
  type FieldTemplateProps,
  getUiOptions,
  type ObjectFieldTemplateProps,
} from "@rjsf/utils";
import { Errors } from "./errors.tsx";
import { InlineCode } from "./inline-code.tsx";

function Field(props: FieldTemplateProps) {
  const { id, label, children, errors, description, hidden, required, displayLabel, uiSchema, registry } =
    props;
  if (hidden) return <div className="hidden">{children}</div>;
  const { widget } = getUiOptions(uiSchema, registry.globalUiOptions);
  const shown = displayLabel && widget !== "checkbox";
  const title = shown ? `${label}${required ? "*" : ""}` : "";
  const body = (
    <>
      {shown ? description : null}
      {children}
      {widget === "checkbox" ? description : null}
      {errors}
    </>
  );
  if (widget === "checkboxes") {
    return (
      <fieldset className="field group">
        <legend>{title || label}</legend>
        {body}
      </fieldset>
    );
  }
  return (
    <div className="field">
      {title ? <label htmlFor={id}>{title}</label> : null}
      {body}
    </div>
  );
}

const Description = ({ id, description }: DescriptionFieldProps) =>
  typeof description === "string" && description ? (
    <p className="description" id={id}>
      <InlineCode text={description} />
    </p>
  ) : null;

const FieldError = ({ fieldPathId, errors = [] }: FieldErrorProps) => (
  <Errors id={`${fieldPathId.$id}__error`} errors={errors.map(String)} />
);

/** Shown open where it is small or important: the form's own level, and training. */
function ObjectFields({ title, description, properties, fieldPathId, uiSchema }: ObjectFieldTemplateProps) {
  const content = properties.map(({ content: property }) => property);
  const { label } = getUiOptions(uiSchema);
  if (fieldPathId.path.length === 0 || label === false) return <div className="fields">{content}</div>;
  return (
    <details className="section" open={title === "Training" || undefined}>
      <summary>{title}</summary>
      {typeof description === "string" ? (
        <p className="description">
          <InlineCode text={description} />
        </p>
      ) : null}
      <div className="fields">{content}</div>
    </details>
  );
}

function List({ title, schema, items, canAdd, onAddClick }: ArrayFieldTemplateProps) {
  const one = itemTitle(schema).toLowerCase();
  return (
    <fieldset className="group">
      <legend>{title}</legend>
      <p className="description">
        <InlineCode text={schema.description ?? ""} />
      </p>
      {items}
      {canAdd ? (
        <button type="button" onClick={onAddClick}>
          Add a {one}
        </button>
      ) : null}
    </fieldset>
  );
}

function Item({ children, index, totalItems, schema, buttonsProps }: ArrayFieldItemTemplateProps) {
  const name = `${(schema.title ?? "entry").toLowerCase()} ${index + 1}`;
  return (
    <div className="item">
      {children}
      {buttonsProps.hasRemove && totalItems > 1 ? (
        <button type="button" aria-label={`Remove ${name}`} onClick={buttonsProps.onRemoveItem}>
          Remove
        </button>
      ) : null}
    </div>
  );
}

const itemTitle = (schema: { items?: unknown }): string =>
  (schema.items as { title?: string } | undefined)?.title ?? "entry";

const ErrorList = ({ errors }: ErrorListProps) => (
  <section className="notice bad" aria-label="What to correct">
    <p>
      {errors.length === 1
        ? "One thing has to be corrected:"
        : `${errors.length} things have to be corrected:`}
    </p>
    <ul>
      {errors.map(({ stack }) => (
        <li key={stack}>{stack}</li>
      ))}
    </ul>
  </section>
);

export const templates = {
  FieldTemplate: Field,
  DescriptionFieldTemplate: Description,
  FieldErrorTemplate: FieldError,
  ObjectFieldTemplate: ObjectFields,
  ArrayFieldTemplate: List,
  ArrayFieldItemTemplate: Item,
  ErrorListTemplate: ErrorList,
};
