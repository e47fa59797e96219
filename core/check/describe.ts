import type { CheckReport, Finding, Verdict } from "./findings.ts";

const SIGNS: Readonly<Record<Verdict, string>> = { ok: "ok  ", fail: "FAIL", note: "note" };

/** How parts are set apart; plain text when absent. */
export interface CheckStyle {
  /** What matters less. */
  readonly dim: (text: string) => string;
  /** What failed. */
  readonly error: (text: string) => string;
}

const PLAIN: CheckStyle = { dim: (text) => text, error: (text) => text };

/** A report as lines for a person: what failed with its repair, and what holds in one line per check. */
export function describeReport(report: CheckReport, style: CheckStyle = PLAIN): string {
  const title = report.kind ? `${report.kind} ${report.name} (${report.from})` : report.from;
  const checks = [...new Set(report.findings.map(({ check }) => check))];
  const width = Math.max(...checks.map(({ length }) => length));
  const lines = checks.flatMap((check) => {
    const findings = report.findings.filter((one) => one.check === check);
    return (["fail", "ok", "note"] as const).flatMap((verdict) =>
      grouped(findings.filter((one) => one.verdict === verdict)).flatMap(([first, where]) => {
        const sign = verdict === "fail" ? style.error(SIGNS.fail) : SIGNS[verdict];
        const line = `  ${sign}  ${check.padEnd(width)}  ${first.found}${style.dim(where)}`;
        const indent = " ".repeat(width + 10);
        return first.repair === undefined ? [line] : [line, `${indent}→ ${first.repair}`];
      }),
    );
  });
  const failed = report.findings.filter(({ verdict }) => verdict === "fail").length;
  const checked = report.findings.filter(({ verdict }) => verdict !== "note").length;
  const last =
    failed === 0 ? `passes: ${checked} checks` : style.error(`fails ${failed} of ${checked} checks`);
  return [title, ...lines, `  ${last}`].join("\n");
}

/** Equal findings as one, with the options that they were made with. */
function grouped(findings: readonly Finding[]): [Finding, string][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key =
      finding.verdict === "ok" && finding.check !== "recipe" ? "ok" : `${finding.found}|${finding.repair}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].map((group) => {
    const places = [...new Set(group.map(({ where }) => where).filter((where) => where !== ""))];
    const named = places.length > 3 ? `${places.length} option sets` : places.join("; ");
    return [group[0]!, named === "" || named === "defaults" ? "" : ` [${named}]`];
  });
}
