import type { OpenDiskRun } from "../disk-tracker.ts";
import type { RunDelivery } from "./deliver-run.ts";
import type { Trouble } from "./pacing.ts";

/** Held by the process that delivers a run. */
export const DELIVERY_LOCK = "delivery.lock";

/** A run as the deliverer has it. */
export interface Delivered extends OpenDiskRun {
  /** There is something to send. */
  pending: boolean;
  /** It gets no more events. */
  ended: boolean;
  /** Its next file waits until fewer others are under way. */
  waits: boolean;
  /** Absent until the server has the run. */
  delivery?: RunDelivery;
  /** Lets go of the lock. */
  release?: () => Promise<void>;
  trouble?: Trouble;
}
