/**
 * What the agent tells of what it did: the one definition of each record. Streamed to whoever
 * watches, and the lines of a run's result files, which add what only the run knows. Times are
 * CLOCK_MONOTONIC of the host. Null is: not known (who would tell did not answer), a time stamp or
 * an id: this point was not reached, there is none. It is never told as 0. Pure.
 */
import { z } from 'zod';
import { CAUSES } from './operations.ts';
import { count, duration_ms, field, known, message, moment_ms } from './fields.ts';
import { bytes, optional_text, stamp_ms, text } from './fields.ts';

export const OUTCOMES = ['done', 'partial', 'refused', 'failed'] as const;

/**
 * One plug or unplug. `pages_migrated` and `guest_cpu_ms` are differences of guest-wide counters
 * taken before and after: where operations of one VM overlap in time, each of them counts the work
 * of the others too. Sum them over a VM's life from Status, not from operations.
 */
export const operationSchema = message(
  'Operation',
  {
    mechanism: field(1, text),
    id: field(2, text),
    kind: field(3, z.enum(['plug', 'unplug'])),
    function: field(4, text),
    vm_id: field(5, text),
    region_id: field(6, text),
    instance_id: field(7, optional_text, 'absent: `static` at deploy, a retried unplug'),
    outcome: field(8, z.enum(OUTCOMES)),
    error_code: field(9, optional_text),
    reason: field(10, optional_text),
    before_bytes: field(11, bytes),
    requested_bytes: field(12, bytes),
    plugged_bytes: field(13, bytes, 'at the end'),
    guest_plugged_bytes: field(14, bytes.nullable(), "the guest's own count at the end"),
    resident_before_bytes: field(15, bytes.nullable()),
    resident_bytes: field(16, bytes.nullable(), 'at the end'),
    decided_at_ms: field(17, stamp_ms, 'the core said so'),
    requested_at_ms: field(18, stamp_ms, "t0, t7': resize sent to the VMM"),
    accepted_at_ms: field(19, stamp_ms, 't1, t8'),
    plugged_at_ms: field(20, stamp_ms, 't2, t9'),
    resident_at_ms: field(21, stamp_ms, 't10, unplug only'),
    sandbox_at_ms: field(22, stamp_ms, 't3, plug for an instance only'),
    instance_ready_at_ms: field(23, stamp_ms, 't4'),
    stop_at_ms: field(24, stamp_ms, 'unplug: stop sent to the guest'),
    gone_at_ms: field(25, stamp_ms, 't7, unplug: process tree gone'),
    nudges: field(26, count),
    pages_migrated: field(27, count.nullable(), 'guest, during this operation'),
    guest_cpu_ms: field(28, duration_ms.nullable(), 'guest kernel CPU during this operation'),
    guest_ns: field(29, count.nullable(), "time inside the guest's driver"),
    cause: field(30, known(z.enum(CAUSES)), 'why the size changes'),
    attached_at_ms: field(31, known(moment_ms), 'plug for an instance: its memory is bound to it'),
    waited_ms: field(
      32,
      known(duration_ms),
      'of the time since requested_at_ms: other regions were let go first',
    ),
    wanted_at_ms: field(33, known(moment_ms), 'grow, open: the guest said that its holder waits'),
    heard_at_ms: field(34, known(moment_ms), 'grow, open: the agent heard it'),
    grow_waits: field(35, known(count), 'guest, in its region since the operation before'),
    grow_wait_ms: field(36, known(duration_ms), 'guest, of those that ended since then'),
    held_ms: field(37, known(duration_ms), 'it waited for its turn, before and between its steps'),
    promised_ms: field(39, known(duration_ms), 'from decided_at_ms, by reclaim_slo'),
    predicted_ms: field(40, known(duration_ms), 'the same as it was predicted then'),
    span: field(41, known(text), 'open, close: name of the span'),
    steps: field(38, known(count), 'steps in which it was asked for; absent: one'),
  },
  'One plug or unplug, told when it has its outcome.',
);
export type Operation = z.infer<typeof operationSchema>;

export const memoryStepSchema = message(
  'MemoryStep',
  {
    at_ms: field(1, moment_ms),
    function: field(2, text),
    vm_id: field(3, text),
    committed_bytes: field(4, bytes, 'boot memory + permits'),
    plugged_bytes: field(5, bytes, "boot memory + regions, the VMM's word"),
    used_bytes: field(6, bytes.nullable(), "boot + partitions in use, the guest's word"),
    resident_bytes: field(7, bytes, 'the whole VMM process on the host'),
    region_resident_bytes: field(8, bytes, 'regions only'),
    region_used_bytes: field(9, known(bytes), "partitions only, the guest's word"),
  },
  'The memory of one function VM from `at_ms` until its next step; the last step is all zeros.',
);
export type MemoryStep = z.infer<typeof memoryStepSchema>;

export const invocationSchema = message(
  'Invocation',
  {
    invocation_id: field(1, text, "the caller's"),
    function: field(2, text),
    instance_id: field(3, optional_text, 'absent: no instance was there for it'),
    outcome: field(4, z.enum(['done', 'refused', 'failed'])),
    error_code: field(5, optional_text),
    reason: field(6, optional_text),
    cold: field(7, z.boolean(), 'an instance had to be started for it'),
    operation_id: field(8, optional_text, 'the plug it waited for, if any'),
    received_at_ms: field(9, moment_ms),
    assigned_at_ms: field(10, stamp_ms, 'an instance took it'),
    created_at_ms: field(11, known(moment_ms), 'cold only: the guest took the start up'),
    sandbox_at_ms: field(12, known(moment_ms), 'cold only: t3'),
    plugged_at_ms: field(13, known(moment_ms), 'cold only: t2; absent when nothing was plugged'),
    attached_at_ms: field(14, known(moment_ms), 'cold only: its memory is there and bound to it'),
    instance_ready_at_ms: field(15, stamp_ms, 'cold only: t4'),
    first_byte_at_ms: field(16, stamp_ms, 't5'),
    finished_at_ms: field(17, stamp_ms, 't6'),
    guest_wall_ms: field(18, duration_ms.nullable(), 'what the workload itself measured'),
    guest_cpu_ms: field(19, duration_ms.nullable()),
    guest_touch_cpu_ms: field(20, known(duration_ms), 'of guest_cpu_ms, until the first byte'),
    anonymous_bytes: field(21, bytes.nullable()),
    minor_faults: field(22, count.nullable()),
    expected_bytes: field(23, known(bytes), "its instance's, by the expression of its function"),
    expected_because: field(24, known(text), 'how it came to that, or why there was no answer'),
    peak_bytes: field(25, known(bytes), "its instance's so far; told only beside an expression"),
    decided_at_ms: field(26, known(moment_ms), 'cold only: the start of its instance was decided'),
    lacked_ms: field(27, known(duration_ms), 'cold only: memory lacked for so long before that'),
  },
  'One invocation, when it is over. What was not reached or not measured is absent.',
);
export type Invocation = z.infer<typeof invocationSchema>;

export const decisionSchema = message(
  'Decision',
  {
    at_ms: field(1, moment_ms),
    policy: field(2, text),
    question: field(3, z.enum(['admit', 'place', 'scale', 'size', 'queue'])),
    function: field(4, text),
    invocation_id: field(5, optional_text),
    vm_id: field(6, optional_text),
    region_id: field(7, optional_text),
    answer: field(8, text),
    reason: field(9, optional_text),
    inputs: field(10, z.record(text, z.number()), 'by name; what was not known is not there'),
  },
  'What a policy was asked, what it knew, and what it answered.',
);
export type Decision = z.infer<typeof decisionSchema>;

export const reportSchema = message(
  'Report',
  {
    at_ms: field(1, moment_ms),
    level: field(2, z.enum(['warn', 'error'])),
    code: field(3, text),
    function: field(4, text),
    vm_id: field(5, text),
    message: field(6, text),
  },
  'Something an operator should read.',
);
export type Report = z.infer<typeof reportSchema>;

/** A state as its dump, or an event with many regions: longer than any other text of a record. */
const LONGEST_TOLD = 256 * 1024;

export const toldEventSchema = message(
  'ToldEvent',
  {
    at_ms: field(1, moment_ms, 'the moment at which it was decided on'),
    event_json: field(2, z.string().max(LONGEST_TOLD), 'an event of the core, or its beginning'),
  },
  'What the core was told. The first one says what it began from: played again, they lead to the ' +
    'same decisions.',
);
export type ToldEvent = z.infer<typeof toldEventSchema>;

/** Every kind of record, by the name under which it is told. */
export const RECORDS = {
  operation: operationSchema,
  memory: memoryStepSchema,
  invocation: invocationSchema,
  decision: decisionSchema,
  report: reportSchema,
  event: toldEventSchema,
} as const;
export type RecordKind = keyof typeof RECORDS;
export const RECORD_KINDS = [
  'operation',
  'memory',
  'invocation',
  'decision',
  'report',
  'event',
] as const;

/** Exactly one of them is there. */
export type AgentRecord = { [Kind in RecordKind]?: z.infer<(typeof RECORDS)[Kind]> };

/** What is told of the kinds that a record is not, on the wire. */
export const NO_RECORD = {
  operation: null,
  memory: null,
  invocation: null,
  decision: null,
  report: null,
  event: null,
} as const satisfies Readonly<Record<RecordKind, null>>;
