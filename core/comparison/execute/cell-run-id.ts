import { createHash } from "node:crypto";

/**
 * Own id (32 hex digits) of the run of a cell that another process trains: it follows from the comparison's own id and
 * the cell's, so that whoever takes the cell on finds the run that a dead process began, and never makes a second one.
 */
export const cellRunId = (comparison: string, cell: string): string =>
  createHash("sha256").update(`cell\n${comparison}\n${cell}`).digest("hex").slice(0, 32);
