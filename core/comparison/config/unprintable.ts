/**
 * Whether a text holds control characters (line breaks, what a terminal takes for commands) or half of a surrogate pair,
 * after which MLflow's server drops the rest of what it was sent.
 */
export const hasUnprintable = (text: string): boolean => /[\p{Cc}\p{Cs}]/u.test(text);

export const UNPRINTABLE = {
  problem:
    "has characters that cannot be printed: control characters, line breaks or half of a surrogate pair",
  hint: "remove them",
} as const;
