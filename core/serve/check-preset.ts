import { validateConfig } from "../comparison/config/index.ts";
import { notAllowed, type Resolving, requestDocument, resolveRequest } from "./resolve-request.ts";

/**
 * A preset of the server's file, checked as a request is. Of one that is a part of a config, to be completed in the form,
 * what is there is checked, and no plan is made.
 * @throws ConfigError, ConfigErrors
 */
export function checkPreset(config: Readonly<Record<string, unknown>>, resolving: Resolving): void {
  const given = standIns(resolving);
  const lacking = Object.keys(given).filter((name) => !(name in config));
  if (lacking.length === 0) {
    resolveRequest({ version: 1, config }, resolving);
    return;
  }
  const document = requestDocument({ ...given, ...config }, resolving);
  const checked = validateConfig(document, resolving.registry);
  const { losses: _none, ...allow } = resolving.server.allow;
  const server = lacking.includes("losses") ? { ...resolving.server, allow } : resolving.server;
  const problems = notAllowed(checked, server);
  if (problems.length > 0) throw document.errors(problems);
}

/** What a config must have, of any valid content. */
function standIns({ server, registry }: Resolving): Readonly<Record<string, unknown>> {
  const { datasets, backbones } = server;
  const loss = registry.names("loss").find((name) => registry.checkOptions("loss", name, {}).ok);
  return {
    dataset: Object.keys(datasets)[0],
    backbones: Object.keys(backbones).slice(0, 1),
    peft: "none",
    losses: [loss],
  };
}
