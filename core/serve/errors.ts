import { DualtailError } from "../errors.ts";

/** A request, launch or action that is not carried out; the message is for whoever asked. */
export class RefusedError extends DualtailError {}
