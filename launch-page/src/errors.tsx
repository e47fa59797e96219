/** What is wrong with one field, under it. */
export function Errors({ id, errors = [] }: { readonly id: string; readonly errors?: readonly string[] }) {
  if (errors.length === 0) return null;
  return (
    <ul className="errors" id={id}>
      {[...new Set(errors)].map((error) => (
        <li key={error}>{error}</li>
      ))}
    </ul>
  );
}
