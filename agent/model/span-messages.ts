/** What is told of memory that follows its use: of a function in Status, of one instance whole. */
import { z } from 'zod';
import { bytes, count, duration_ms, field, known, message, moment_ms } from './fields.ts';
import { octets, optional_text, stamp_ms, text } from './fields.ts';
import { OUTCOMES } from './records.ts';
import { START_REASONS } from './started-for.ts';

const checkedCallSchema = message(
  'CheckedCall',
  {
    at_ms: field(1, moment_ms),
    cold: field(2, z.boolean()),
    inputs: field(3, z.record(text, z.number()), 'what its payload had for the parameters'),
    expected_bytes: field(4, bytes),
    peak_bytes: field(5, bytes, "the guest kernel's own count"),
    error_share: field(6, z.number(), 'of the peak; above 0: too much was expected'),
    is_wrong: field(7, z.boolean(), 'beyond the tolerance'),
  },
  'What a memory expression said of one call, and what was measured.',
);

const expressionStatusSchema = message(
  'ExpressionStatus',
  {
    answered: field(1, count, 'calls it had an answer for'),
    unanswered: field(2, count, 'and none'),
    why_not: field(3, optional_text, 'why it had none, the last time'),
    checked: field(4, count, 'answers held against a measured peak'),
    wrong: field(5, count, 'of them, beyond the tolerance'),
    below: field(6, count, 'of these, less than the peak'),
    median_error: field(7, z.number().nonnegative().nullable(), 'share of the peak, of the latest'),
    worst: field(8, checkedCallSchema.nullable()),
    distrusted_because: field(9, optional_text, 'why it is not gone by; absent: it is'),
    distrusted_at_ms: field(10, stamp_ms),
    latest: field(11, z.array(checkedCallSchema).readonly(), 'oldest first'),
  },
  'How good the memory expression of a function is.',
);
export type ExpressionStatus = z.infer<typeof expressionStatusSchema>;

export const memoryStatusSchema = message(
  'MemoryStatus',
  {
    baseline_bytes: field(1, bytes, 'what its instances there started with, all together'),
    plugged_bytes: field(2, bytes, 'what they have now'),
    max_bytes: field(3, bytes, 'what they can be, all together'),
    instances: field(4, count),
    waiting: field(5, count, 'of them, for growth'),
    growths: field(6, count, 'done, since it was deployed'),
    shrinks: field(7, count),
    waits: field(8, count, 'begun for growth'),
    denied: field(9, count, 'of the waits'),
    waited_ms: field(10, duration_ms, 'all that ended'),
    above_gib_s: field(11, z.number().nonnegative(), 'plugged above the baseline, times its time'),
    expression: field(12, known(expressionStatusSchema), 'absent: it has none'),
  },
  'What a function came to whose memory follows its use.',
);
export type MemoryStatus = z.infer<typeof memoryStatusSchema>;

const sizeChangeSchema = message(
  'SizeChange',
  {
    cause: field(1, z.enum(['start', 'grow', 'shrink'])),
    decided_at_ms: field(2, moment_ms),
    ended_at_ms: field(3, moment_ms),
    from_bytes: field(4, bytes),
    to_bytes: field(5, bytes),
    plugged_bytes: field(6, bytes, 'at its end'),
    outcome: field(7, z.enum(OUTCOMES)),
    wanted_at_ms: field(8, stamp_ms, 'its holder waited since then; absent: nobody waited'),
    reason: field(9, optional_text, 'why it was not done'),
  },
  'One change of the size of an instance.',
);

const spanStatusSchema = message(
  'SpanStatus',
  {
    name: field(1, text),
    region_id: field(2, text),
    bytes: field(3, bytes, 'asked for'),
    plugged_bytes: field(4, bytes, "the VMM's word"),
    permit_bytes: field(5, bytes, 'granted for it'),
    asked_at_ms: field(6, moment_ms),
    opened_at_ms: field(7, stamp_ms, 'absent: its program waits for it'),
    deny_at_ms: field(8, moment_ms, 'when a program that still waits is refused'),
  },
  'Memory that an instance opened beside its own, or waits for.',
);
export type SpanStatus = z.infer<typeof spanStatusSchema>;

export const spansStatusSchema = message(
  'SpansStatus',
  {
    opened: field(1, count, 'since it was deployed'),
    denied: field(2, count, 'refused to their programs, for whatever reason'),
    open: field(3, count, 'now'),
    waiting: field(4, count, 'asked for now, and not there yet'),
    open_bytes: field(5, bytes, 'asked for by those that are open'),
    plugged_bytes: field(6, bytes, "in their regions by the VMM's word, on its way back included"),
    held_gib_s: field(7, z.number().nonnegative(), 'plugged_bytes over time'),
    last_denied_code: field(8, optional_text, 'what stood in its way; absent: none was denied'),
    last_denied_span: field(9, optional_text, 'its name, as it was asked for'),
    last_denied_at_ms: field(10, stamp_ms),
  },
  'What the named spans of a function came to.',
);
export type SpansStatus = z.infer<typeof spansStatusSchema>;

const tiersStatusSchema = message(
  'InstanceTiers',
  {
    region_id: field(1, text, 'that has its far part'),
    host_node: field(2, count, 'that this is bound to'),
    near_bytes: field(3, bytes, 'of it that are to be near'),
    far_bytes: field(4, bytes, 'and far'),
    near_plugged_bytes: field(5, bytes, "the VMM's word"),
    far_plugged_bytes: field(6, bytes),
    share: field(7, known(z.number()), 'chosen last; absent: its definition says it'),
    because: field(8, known(text), 'why, with its numbers and where they are from'),
    moved_at_ms: field(
      9,
      known(moment_ms),
      'when its unused memory changed its tier last, or was to; absent: it never did. What is in ' +
        'use stays where it is, and its pages are handed out by the share of its start as long ' +
        'as both parts have some',
    ),
    gains: field(10, known(text), '`near` or `far`: that part is gaining memory; absent: none is'),
  },
  'Where the memory of an instance is that has two parts.',
);
export type InstanceTiers = z.infer<typeof tiersStatusSchema>;

export const explainRequestSchema = message('ExplainRequest', { instance_id: field(1, text) });

export const explainResponseSchema = message('ExplainResponse', {
  instance_id: field(1, text),
  function: field(2, text),
  vm_id: field(3, text),
  region_id: field(4, text),
  phase: field(5, text),
  policy: field(6, text, 'who decides'),
  because: field(7, optional_text, 'why it has the size it has; absent: it has one size'),
  baseline_bytes: field(8, bytes.nullable(), 'what it started with'),
  target_bytes: field(9, bytes, 'what the VMM was asked for last'),
  plugged_bytes: field(10, bytes, "the VMM's word"),
  max_bytes: field(11, bytes),
  permit_bytes: field(12, bytes, 'granted for it'),
  free_bytes: field(13, bytes, 'of the host, or of its node, granted to nobody'),
  used_bytes: field(14, bytes.nullable(), "the guest's word"),
  free_tail_bytes: field(15, bytes.nullable(), "the guest's word of what could be unplugged now"),
  want_bytes: field(16, bytes.nullable(), 'by how much it waits to be larger; absent: it does not'),
  wanted_at_ms: field(17, stamp_ms, 'since when'),
  next: field(18, text, 'what is decided next, and what it depends on'),
  next_at_ms: field(19, stamp_ms, 'when, if nothing happens before; absent: not by time alone'),
  changes: field(20, z.array(sizeChangeSchema), 'the latest, oldest first'),
  now_ms: field(21, moment_ms),
  expected_bytes: field(22, known(bytes), 'of its call, by the expression; absent: no answer'),
  peak_bytes: field(23, known(bytes), "the guest kernel's count; told only beside an expression"),
  spans: field(24, z.array(spanStatusSchema).default([]), 'that it has, or waits for'),
  host_node: field(25, known(count), 'node of the host that it is bound to; absent: any'),
  started_for: field(26, known(z.enum(START_REASONS)), 'absent: an earlier agent started it'),
  started_because: field(27, known(text), 'why, with its numbers'),
  started_at_ms: field(28, known(moment_ms), 'when that was decided'),
  tiers: field(29, known(tiersStatusSchema), 'absent: all of it is in one region'),
});
export type ExplainResponse = z.infer<typeof explainResponseSchema>;

export const estimateRequestSchema = message('EstimateRequest', {
  function: field(1, text),
  payload: field(2, octets, 'of a call that is not made'),
});

export type EstimateRequest = z.infer<typeof estimateRequestSchema>;

const callSizesSchema = message('CallSizes', {
  peak_bytes: field(1, bytes, 'the most that its instance holds'),
  kept_bytes: field(2, bytes, 'what stays of it while the instance is warm'),
});

export const estimateResponseSchema = message(
  'EstimateResponse',
  {
    function: field(1, text),
    start_bytes: field(2, bytes, 'what an instance that is started for it is plugged to'),
    because: field(3, text, 'why'),
    policy: field(4, text, 'who decides'),
    max_bytes: field(5, bytes, 'the most that the instance can be'),
    worst_bytes: field(6, bytes.nullable(), 'of any call, by the expression; absent: it has none'),
    cold: field(7, callSizesSchema.nullable(), 'by the expression; absent: no answer'),
    warm: field(8, callSizesSchema.nullable()),
    inputs: field(9, z.record(text, z.number()), 'what the payload has for its parameters'),
    why_not: field(10, optional_text, 'why the expression has no answer'),
    timeout_ms: field(11, duration_ms, 'the longest that the call may take'),
  },
  'What a call would take, which is not made.',
);
export type EstimateResponse = z.infer<typeof estimateResponseSchema>;
