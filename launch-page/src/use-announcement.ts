import { useCallback, useState } from "react";

/** Text for a live region, and the function that changes it. Said again when it is the same as before. */
export function useAnnouncement(): [string, (text: string) => void] {
  const [text, setText] = useState("");
  // A no-break space more or less makes the same words a change, which is what screen readers wait for.
  const announce = useCallback(
    (next: string) => setText((before) => (before === next ? `${next}\u00a0` : next)),
    [],
  );
  return [text, announce];
}
