/** The stages of one cold start, from the caller's request to the first byte. Pure. */
import type { Invocation } from '../../autoscaler/replay/agent-api.ts';

/** In the order in which they come; `plugged` runs beside the three around it. */
export const STAGES = [
  'taken',
  'created',
  'sandbox',
  'plugged',
  'attached',
  'ready',
  'told',
  'first_byte',
] as const;
export type StartStage = (typeof STAGES)[number];

/** What reaching a stage means, for people. */
export const STAGE_TEXTS: Readonly<Record<StartStage, string>> = {
  taken: 'agent decided',
  created: 'guest took it up',
  sandbox: 'sandbox (t3)',
  plugged: 'plugged (t2)',
  attached: 'attached',
  ready: 'ready (t4)',
  told: 'agent told',
  first_byte: 'first byte (t5)',
};

const FIELDS = {
  taken: 'received_at_ms',
  created: 'created_at_ms',
  sandbox: 'sandbox_at_ms',
  plugged: 'plugged_at_ms',
  attached: 'attached_at_ms',
  ready: 'instance_ready_at_ms',
  told: 'assigned_at_ms',
  first_byte: 'first_byte_at_ms',
} as const satisfies Readonly<Record<StartStage, keyof Invocation>>;

/** One cold start: milliseconds from the caller's request to each stage; null: not reached. */
export interface StartLine {
  /** Number of its burst in the run. */
  readonly burst: number;
  readonly mechanism: string;
  /** Starts of its burst. */
  readonly starts: number;
  readonly stages_ms: Readonly<Record<StartStage, number | null>>;
}

/** Stamps are of the host's monotonic clock on both sides, so they can be subtracted. */
export function stagesOf(reply: Invocation, sent_at_ms: number): StartLine['stages_ms'] {
  return perStage((stage) => {
    const at_ms = reply[FIELDS[stage]];
    return at_ms === null ? null : at_ms - sent_at_ms;
  });
}

/** One value for each stage. */
export function perStage<T>(valueOf: (stage: StartStage) => T): Record<StartStage, T> {
  return {
    taken: valueOf('taken'),
    created: valueOf('created'),
    sandbox: valueOf('sandbox'),
    plugged: valueOf('plugged'),
    attached: valueOf('attached'),
    ready: valueOf('ready'),
    told: valueOf('told'),
    first_byte: valueOf('first_byte'),
  };
}
