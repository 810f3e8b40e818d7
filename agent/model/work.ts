/**
 * What an invocation brings: bytes and how long it may run. The built-in function, an emulation,
 * takes a payload that says what to do; it is composed here, for everybody who emulates. Pure.
 */
import { z } from 'zod';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import type { Payload } from '../../guest/protocol/protocol.ts';
import { LIMITS } from '../../base/limits.ts';
import { isObject, parseJson } from '../../base/json.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { HttpAnswer, HttpRequest } from './http-head.ts';

/** One invocation, as its caller wants it. */
export interface Call {
  readonly payload: Uint8Array;
  readonly content_type: string;
  /** How long it may run in its instance; null: as the agent has it. */
  readonly timeout_ms: number | null;
  /** The HTTP request that it is, for programs that serve HTTP. */
  readonly http: HttpRequest | null;
  /** The caller's key, with which he may ask again; absent or null: he cannot. */
  readonly idempotency_key?: string | null;
  /** Who asks; absent or null: not known. */
  readonly peer?: string | null;
  /** Of a DAG: when it is to be over, and as which call it was foreseen; absent: of none. */
  readonly stage?: { readonly deadline_at_ms: number; readonly expected: string };
}

/** What a function answered. */
export interface FunctionAnswer extends Payload {
  /** Of a program that serves HTTP. */
  readonly http: HttpAnswer | null;
}

export const JSON_TYPE = 'application/json';

const size = z.number().int().nonnegative().max(LIMITS.function_bytes);
const duration = z.number().nonnegative().max(LIMITS.invocation_ms);

/** Phases of one emulated invocation. */
export const PHASES_MAX: number = PROTOCOL.work_phases;

/** Steps of one emulated invocation that open spans. */
export const SPAN_STEPS_MAX: number = PROTOCOL.work_spans;
/** And how often one of them may do so. */
export const SPAN_TIMES_MAX: number = PROTOCOL.work_span_times;

/** The payload of the built-in function, guest/workload. */
export const workSchema = z.strictObject({
  /** Anonymous memory to touch (kept until the instance ends). */
  anonymous_bytes: size,
  /** File-backed memory to map and read. */
  file_bytes: size,
  cpu_ms: duration,
  /** Total duration; the rest after the CPU time is slept. */
  wall_ms: duration,
  /** From `at_ms` after its start on it keeps so much anonymous memory; the rest is unmapped. */
  phases: z
    .array(z.strictObject({ at_ms: duration, anonymous_bytes: size }))
    .max(PHASES_MAX)
    .readonly()
    .optional(),
  /**
   * After the phases, one after another: from `at_ms` after its start on, `times` times, it opens
   * the span, touches a part of it, holds it for a while, and closes it.
   */
  spans: z
    .array(
      z
        .strictObject({
          span: z.string().min(1).max(PROTOCOL.span_name_bytes),
          at_ms: duration,
          bytes: size.min(1),
          touch_bytes: size,
          hold_ms: duration,
          times: z.number().int().nonnegative().max(SPAN_TIMES_MAX),
        })
        .refine(({ bytes, touch_bytes }) => touch_bytes <= bytes, 'touches more than it opens'),
    )
    .max(SPAN_STEPS_MAX)
    .readonly()
    .optional(),
});
export type Work = Readonly<z.infer<typeof workSchema>>;

/**
 * The call of an emulation. It may take its wall time, its CPU time with every region's worst
 * share, and a fixed grace.
 */
export function emulated(work: Work): Call {
  const { cpu_ms, phases = [], spans = [] } = work;
  let spans_ms = 0;
  for (const { at_ms, hold_ms, times } of spans) {
    spans_ms = Math.max(spans_ms, at_ms) + times * (hold_ms + AGENT_LIMITS.span_cycle_ms);
  }
  const wall_ms = Math.max(work.wall_ms, spans_ms, ...phases.map(({ at_ms }) => at_ms));
  const whole_ms = wall_ms + cpu_ms * LIMITS.regions_per_vm + AGENT_LIMITS.invocation_ms;
  const timeout_ms = Math.min(LIMITS.invocation_ms, whole_ms);
  const payload = Buffer.from(JSON.stringify(work));
  return { payload, content_type: JSON_TYPE, timeout_ms, http: null };
}

/** What an emulation is asked for; null: it is no payload of the built-in function. */
export function workOf({ bytes }: Pick<Payload, 'bytes'>): Work | null {
  const value = parseJson(Buffer.from(bytes).toString('utf8'));
  const read = workSchema.safeParse(isObject(value) ? value : null);
  return read.success ? read.data : null;
}
