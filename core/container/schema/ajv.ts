import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/**
 * The validator everything user-written goes through: JSON Schema 2020-12 in strict mode (a misspelt keyword is an
 * error, not ignored), every problem reported, defaults filled in.
 */
export function createAjv(options: { readonly fillDefaults: boolean }): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    // Both forbid ordinary schemas ("number or null", "a or b must be given") without catching mistakes of ours.
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: true,
    verbose: true,
    useDefaults: options.fillDefaults,
  });
  formats.default(ajv);
  return ajv;
}
