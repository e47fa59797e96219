import { styleText } from "node:util";

export interface Style {
  warn(text: string): string;
  error(text: string): string;
  good(text: string): string;
  dim(text: string): string;
}

type Color = Parameters<typeof styleText>[0];

/** Colours for a stream: on terminals only, never where NO_COLOR is set (https://no-color.org). */
export function styleFor(isTerminal: boolean, env: NodeJS.ProcessEnv): Style {
  const colored = isTerminal && !env.NO_COLOR && env.TERM !== "dumb";
  const paint = (color: Color) => (text: string) => (colored ? styleText(color, text) : text);
  return { warn: paint("yellow"), error: paint("red"), good: paint("green"), dim: paint("dim") };
}
