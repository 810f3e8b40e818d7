/** Where the time of a stage went, and that of a whole call along its longest way. Pure. */

export interface Spent {
  /** For an instance, the host's memory not lacking. */
  readonly wait_ms: number;
  /** For memory of the host, before a start could be made. */
  readonly permit_ms: number;
  /** Its region was being plugged. */
  readonly plug_ms: number;
  /** Its instance was started, what was left of that after the plug. */
  readonly start_ms: number;
  readonly run_ms: number;
}

export const NOTHING_SPENT: Spent = {
  wait_ms: 0,
  permit_ms: 0,
  plug_ms: 0,
  start_ms: 0,
  run_ms: 0,
};

/** What is known of a stage's invocation, on the host's clock; null: it did not come so far. */
export interface StageTimes {
  readonly asked_at_ms: number;
  /** Of the start that it waited for; null: an instance was there. */
  readonly decided_at_ms: number | null;
  /** Memory lacked for so long before that. */
  readonly lacked_ms: number;
  readonly plugged_at_ms: number | null;
  readonly ready_at_ms: number | null;
  readonly assigned_at_ms: number | null;
  readonly ended_at_ms: number;
}

/** The parts make the whole from the asking to the end, whatever the times say. */
export function spentOf(times: StageTimes): Spent {
  const { asked_at_ms, ended_at_ms } = times;
  const assigned_ms = within(times.assigned_at_ms ?? ended_at_ms, asked_at_ms, ended_at_ms);
  const run_ms = ended_at_ms - assigned_ms;
  // A start that was made ahead of the call has its parts before it, too.
  const decided_ms = within(times.decided_at_ms ?? assigned_ms, asked_at_ms, assigned_ms);
  const permit_ms = Math.min(times.lacked_ms, decided_ms - asked_at_ms);
  const plugged_ms = within(times.plugged_at_ms ?? decided_ms, decided_ms, assigned_ms);
  const ready_ms = within(times.ready_at_ms ?? plugged_ms, plugged_ms, assigned_ms);
  const wait_ms = decided_ms - asked_at_ms - permit_ms + (assigned_ms - ready_ms);
  const [plug_ms, start_ms] = [plugged_ms - decided_ms, ready_ms - plugged_ms];
  return { wait_ms, permit_ms, plug_ms, start_ms, run_ms };
}

const within = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), Math.max(low, high));

export const sumSpent = (a: Spent, b: Spent): Spent => ({
  wait_ms: a.wait_ms + b.wait_ms,
  permit_ms: a.permit_ms + b.permit_ms,
  plug_ms: a.plug_ms + b.plug_ms,
  start_ms: a.start_ms + b.start_ms,
  run_ms: a.run_ms + b.run_ms,
});
