const BEGIN = "<!-- dualtail: what is between these two lines is written by dualtail serve -->";
const END = "<!-- /dualtail -->";

/** A description with our part of it set; what people wrote around it stays. */
export function withOwnPart(note: string, own: string): string {
  const part = `${BEGIN}\n\n${own}\n\n${END}`;
  const from = note.indexOf(BEGIN);
  const to = note.indexOf(END, from);
  if (from >= 0 && to >= 0) return `${note.slice(0, from)}${part}${note.slice(to + END.length)}`;
  return note.trim() === "" ? part : `${note.trimEnd()}\n\n${part}`;
}
