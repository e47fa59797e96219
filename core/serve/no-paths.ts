import { hasUnprintable, UNPRINTABLE } from "../comparison/config/unprintable.ts";
import type { Problem } from "../container/schema/problem.ts";

/** Prose, which nothing opens. */
const isProse = (path: readonly unknown[], key: string) =>
  key === "label" || (path.length === 0 && (key === "name" || key === "prompt"));

/**
 * Texts of a request that look like a path or an address. No option that a request can set opens one; this also holds
 * for plugins to come. Also, prose included: characters that a terminal obeys or MLflow cannot keep, and what is nested so
 * deeply that whoever goes through it runs out of stack.
 */
export function suspiciousTexts(
  value: unknown,
  path: readonly (string | number)[] = [],
  prose = false,
): Problem[] {
  if (typeof value === "string") {
    if (hasUnprintable(value)) return [{ path, at: "value", ...UNPRINTABLE }];
    if (prose || !/[\\/]|^[.~]|^[a-z][\w+.-]*:/i.test(value)) return [];
    return [
      {
        path,
        at: "value",
        problem: `${JSON.stringify(value.slice(0, 60))} looks like a path or an address; a request holds none`,
        hint: "use the names that the server offers",
      },
    ];
  }
  if (typeof value !== "object" || value === null) return [];
  if (path.length > 20) {
    return [{ path, at: "value", problem: "is nested too deeply", hint: "write it flatter" }];
  }
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (hasUnprintable(key)) return [{ path: at, at: "key", ...UNPRINTABLE } as const];
    return suspiciousTexts(inner, at, prose || isProse(path, key));
  });
}
