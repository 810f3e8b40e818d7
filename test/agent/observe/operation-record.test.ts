/**
 * The record of an operation: every figure comes from who knows it, and is null where nobody does.
 */
import test from 'ava';
import { operationRecord, type OperationParts } from '../../../agent/observe/operation-record.ts';
import type { GuestStats } from '../../../guest/protocol/protocol.ts';
import type { ResizeResult } from '../../../hypervisor-client/vm.ts';
import { IDLE_STATS } from '../../../agent/testing/fake-words.ts';

/** Of an unplug; no two figures are alike, so that none can stand for another. */
const RESULT: ResizeResult = {
  region_id: 'r0',
  outcome: 'done',
  before_bytes: 1_001,
  requested_bytes: 0,
  plugged_bytes: 0,
  resident_before_bytes: 1_002,
  resident_bytes: 0,
  requested_at_ms: 21,
  waited_ms: 1.5,
  accepted_at_ms: 22,
  plugged_at_ms: 24,
  resident_at_ms: 25,
  nudges: 3,
  error_code: null,
  reason: null,
};
const PARTITION = {
  region_pci: '0000:00:04.0',
  plugged_bytes: 0,
  used_bytes: 0,
  peak_bytes: 0,
  users: 0,
  state: 'ready',
  plug_ns: 31,
  unplug_ns: 32,
  map_bytes: 0,
};

function statsOf(
  pages_migrated: number,
  cpu_system_ms: number,
  change: Partial<typeof PARTITION> = {},
): GuestStats {
  return {
    ...IDLE_STATS,
    partitions: [{ ...PARTITION, ...change }],
    pages_migrated,
    cpu_system_ms,
  };
}

const PARTS: OperationParts = {
  order: {
    id: 'op-1',
    kind: 'unplug',
    cause: 'stop',
    function: 'f',
    mechanism: 'hotmem',
    vm_id: 'vm-1',
    region_id: 'r0',
    region_index: 0,
    instance_id: 'i1',
    from_bytes: 1_001,
    to_bytes: 0,
    decided_at_ms: 20,
    stop_at_ms: 18,
    gone_at_ms: 19,
    held_ms: 6,
    promised_ms: 41,
    predicted_ms: 42,
    span: 'data',
  },
  result: RESULT,
  start: null,
  before: { stats: statsOf(100, 200), taken_at_ms: 21 },
  after: statsOf(107, 211),
  waits: { count: 2, ms: 8.5 },
  seen_resident_bytes: 77,
  region_pci: PARTITION.region_pci,
};

test('an unplug is told with all that order, VMM, guest and host know of it', (t) => {
  t.deepEqual(operationRecord(PARTS), {
    id: 'op-1',
    kind: 'unplug',
    cause: 'stop',
    function: 'f',
    mechanism: 'hotmem',
    vm_id: 'vm-1',
    region_id: 'r0',
    instance_id: 'i1',
    outcome: 'done',
    error_code: null,
    reason: null,
    before_bytes: 1_001,
    requested_bytes: 0,
    plugged_bytes: 0,
    resident_before_bytes: 1_002,
    resident_bytes: 0,
    decided_at_ms: 20,
    requested_at_ms: 21,
    waited_ms: 1.5,
    accepted_at_ms: 22,
    plugged_at_ms: 24,
    resident_at_ms: 25,
    sandbox_at_ms: null,
    attached_at_ms: null,
    instance_ready_at_ms: null,
    stop_at_ms: 18,
    gone_at_ms: 19,
    nudges: 3,
    pages_migrated: 7,
    guest_cpu_ms: 11,
    guest_ns: 32,
    guest_plugged_bytes: 0,
    wanted_at_ms: null,
    heard_at_ms: null,
    grow_waits: 2,
    grow_wait_ms: 8.5,
    held_ms: 6,
    promised_ms: 41,
    predicted_ms: 42,
    span: 'data',
    steps: null,
  });
});

test('a growth is told with the wait that it answers, and what the host was seen to hold', (t) => {
  const wait = { wanted_at_ms: 11.5, heard_at_ms: 12 };
  const order = { ...PARTS.order, ...wait, kind: 'plug', cause: 'grow', to_bytes: 9 } as const;
  const result = { ...RESULT, resident_bytes: null, requested_bytes: 9, plugged_bytes: 9 };
  const record = operationRecord({ ...PARTS, order, result });
  t.like(record, { ...wait, resident_bytes: 77, cause: 'grow' });
});

test('a plug has the stamps of the start beside it, which is over when both are', (t) => {
  const order = { ...PARTS.order, kind: 'plug', cause: 'start', to_bytes: 1_003 } as const;
  const result = { ...RESULT, requested_bytes: 1_003, plugged_bytes: 1_003 };
  const start = { created_at_ms: 21, sandbox_at_ms: 26, attached_at_ms: 27, ready_at_ms: 23 };
  const record = operationRecord({ ...PARTS, order, result, start });
  t.like(record, { sandbox_at_ms: 26, attached_at_ms: 27, instance_ready_at_ms: 24, guest_ns: 31 });
});

const UNMEASURED: readonly (readonly [
  what: string,
  change: Partial<OperationParts>,
  pages_migrated: number | null,
  guest_ns: number | null,
])[] = [
  ['a guest that tells nothing', { before: null, after: null }, null, null],
  ['a guest that told nothing before', { before: null }, null, 32],
  ['a first answer after the end', { before: { stats: statsOf(0, 0), taken_at_ms: 25 } }, null, 32],
  ['a partition that is gone', { after: { ...statsOf(107, 211), partitions: [] } }, 7, null],
  ['a time of 0', { after: statsOf(107, 211, { unplug_ns: 0 }) }, 7, null],
  ['a counter that runs backwards', { after: statsOf(99, 199) }, 0, 32],
];

for (const [what, change, pages_migrated, guest_ns] of UNMEASURED) {
  test(`${what} makes no figure that was not measured`, (t) => {
    const record = operationRecord({ ...PARTS, ...change });
    t.like(record, { pages_migrated, guest_ns, outcome: 'done', error_code: null });
    t.is(record.guest_cpu_ms, pages_migrated === 7 ? 11 : pages_migrated);
  });
}

for (const [who, change] of [
  ['VMM', { result: { ...RESULT, plugged_bytes: 4_096 } }],
  ['guest', { after: statsOf(107, 211, { plugged_bytes: 4_096 }) }],
  ['host', { result: { ...RESULT, resident_bytes: 4_096 } }],
] as const) {
  test(`an unplug after which the ${who} alone still counts memory is told as that`, (t) => {
    const record = operationRecord({ ...PARTS, ...change });
    t.is(record.error_code, 'HP_AGENT_OBSERVERS_DISAGREE');
    t.regex(record.reason ?? '', new RegExp(`r0 .*${who} (says )?4096`));
  });
}
