import { useState } from "react";

interface CloneFormProps {
  readonly onClone: (runId: string) => void;
  readonly announce: (text: string) => void;
}

/** Fills the form from any run, by its id or the address of its page. */
export function CloneForm({ onClone, announce }: CloneFormProps) {
  const [text, setText] = useState("");
  const clone = () => {
    const ids = text.match(/[0-9a-f]{32}/g);
    if (ids) onClone(ids.at(-1)!);
    else announce("That holds no run's id: 32 characters, 0–9 and a–f.");
  };
  return (
    <div className="row">
      <label htmlFor="clone">Clone a run</label>
      <input
        id="clone"
        type="text"
        placeholder="its id, or its page's address"
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={({ key }) => key === "Enter" && clone()}
      />
      <button type="button" onClick={clone}>
        Fill in
      </button>
    </div>
  );
}
