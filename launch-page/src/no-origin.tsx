import { useRef } from "react";

/** Where the viewer lets the page ask nobody: what it made, to be carried by hand. */
export function NoOrigin({ config }: { readonly config: string }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const copy = () => {
    area.current?.select();
    // The clipboard's own API is closed to a page without an origin; this old one is not.
    document.execCommand("copy");
  };
  return (
    <section className="notice" aria-labelledby="by-hand">
      <h2 id="by-hand">Launch by hand</h2>
      <p>
        This viewer shows the page without the server's origin, so it can neither send the request nor list
        runs. The form works all the same. Either
      </p>
      <ul>
        <li>
          copy the text below into the tag <code>dualtail.launch</code> of this run, on its overview, or
        </li>
        <li>
          open the form that <code>dualtail serve --http</code> serves, which sends requests itself.
        </li>
      </ul>
      <label htmlFor="config-text">Value of the tag</label>
      <textarea id="config-text" ref={area} readOnly rows={4} value={config} />
      <button type="button" onClick={copy}>
        Copy
      </button>
    </section>
  );
}
