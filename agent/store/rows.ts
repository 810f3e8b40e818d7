/**
 * The agent's state as rows of a store, and back. Pure. A row is what changes together: functions,
 * VMs without their regions and instances, regions, instances, operations, waiting invocations. The
 * sum of permits and the alarms follow from the rows and are not written. What changes with every
 * call stands apart, as marks: the rest of a function or VM, which hardly changes, is much longer.
 */
import { AlarmEdit, noAlarms } from '../model/alarms.ts';
import { countQueue } from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import { NO_PACE } from '../model/pace.ts';
import { Queue } from '../model/queue.ts';
import { shortOf } from '../model/shortages.ts';
import {
  emptyHost,
  type FunctionState,
  type HostFacts,
  type HostState,
  type InstanceState,
  type QueuedInvocation,
  type RegionState,
  type VmState,
} from '../model/state.ts';
import { NO_VALUES } from '../model/targets.ts';
import { Edits, Table } from '../model/table.ts';

/** Tables with one row a thing; the key of what belongs to something else begins with its key. */
export const TABLES = [
  'functions',
  'vms',
  'regions',
  'instances',
  'operations',
  'queue',
  'meta',
  'marks',
  'answers',
] as const;
export type TableName = (typeof TABLES)[number];

/** A row that is to be written; null: taken away. */
export interface RowChange {
  readonly table: TableName;
  readonly key: string;
  readonly row: string | null;
}

/** Keys of what may have changed. */
export interface ChangedKeys {
  readonly functions: Iterable<string>;
  readonly vms: Iterable<string>;
  readonly operations: Iterable<string>;
}

/** All rows of a store by table, in the order in which they were first written. */
export type StoredRows = Readonly<Record<TableName, ReadonlyMap<string, string>>>;

/** What leads from the rows of `before` to those of `after`. */
export function rowsBetween(before: HostState, after: HostState, keys: ChangedKeys): RowChange[] {
  const changes: RowChange[] = [];
  if (before === after) return changes;
  for (const name of keys.functions) {
    functionRows(changes, before.functions.get(name), after.functions.get(name));
  }
  for (const id of keys.vms) vmRows(changes, before.vms.get(id), after.vms.get(id));
  for (const id of keys.operations) {
    const [old, now] = [before.operations.get(id), after.operations.get(id)];
    if (old !== now) changes.push({ table: 'operations', key: id, row: textOf(now) });
  }
  for (const [key, of] of Object.entries(META)) {
    const now = of(after);
    if (now !== of(before)) changes.push({ table: 'meta', key, row: JSON.stringify(now) });
  }
  return changes;
}

/** What is kept of the host itself. */
const META: Readonly<Record<string, (state: HostState) => unknown>> = {
  next_id: ({ next_id }) => next_id,
  policy_state: ({ policy_state }) => policy_state,
  cordon: ({ cordon }) => cordon,
};

function textOf(row: object | undefined): string | null {
  return row === undefined ? null : JSON.stringify(row);
}

function functionRows(
  changes: RowChange[],
  old: FunctionState | undefined,
  now: FunctionState | undefined,
): void {
  const name = (now ?? old)?.spec.name;
  if (old === now || name === undefined) return;
  queueRows(changes, name, old, now);
  markRow(changes, `functions/${name}`, FUNCTION_MARKS, old, now);
  if (old && now && isAlike(old, now, 'queue', 'pace', ...FUNCTION_MARKS)) return;
  const row = now ? textOf({ ...now, queue: null, pace: null }) : null;
  changes.push({ table: 'functions', key: name, row });
}

const FUNCTION_MARKS = ['next_sequence', 'wake_at_ms'] as const;
const VM_MARKS = ['wake_at_ms', 'size_at_ms', 'quiet_since_ms', 'instances_started'] as const;

function markRow<Row extends object>(
  changes: RowChange[],
  key: string,
  marks: readonly (keyof Row & string)[],
  old: Row | undefined,
  now: Row | undefined,
): void {
  if (old && now && marks.every((mark) => old[mark] === now[mark])) return;
  const row = now ? textOf(Object.fromEntries(marks.map((mark) => [mark, now[mark]]))) : null;
  changes.push({ table: 'marks', key, row });
}

/** Whether two rows agree in everything but what stands in rows of its own. */
function isAlike<Row extends object>(old: Row, now: Row, ...beside: (keyof Row)[]): boolean {
  for (const field in now) {
    if (old[field] !== now[field] && !beside.includes(field)) return false;
  }
  return true;
}

/** What came is behind all that was there; what went was mostly the oldest. */
function queueRows(
  changes: RowChange[],
  name: string,
  old: FunctionState | undefined,
  now: FunctionState | undefined,
): void {
  if (old?.queue === now?.queue) return;
  const keyOf = ({ sequence }: QueuedInvocation): string => `${name}/${sequence}`;
  // Another function of that name counts anew.
  if (old && now && old.spec !== now.spec) {
    queueRows(changes, name, old, undefined);
    return queueRows(changes, name, undefined, now);
  }
  const came_from = old?.next_sequence ?? 0;
  let came = 0;
  for (const one of now?.queue.from(came_from) ?? []) {
    changes.push({ table: 'queue', key: keyOf(one), row: JSON.stringify(one) });
    came += 1;
  }
  const kept = (now?.queue.length ?? 0) - came;
  let gone = (old?.queue.length ?? 0) - kept;
  for (const one of old?.queue ?? []) {
    if (gone === 0) break;
    if (now?.queue.find(one.sequence)) continue;
    changes.push({ table: 'queue', key: keyOf(one), row: null });
    gone -= 1;
  }
}

function vmRows(changes: RowChange[], old: VmState | undefined, now: VmState | undefined): void {
  const id = (now ?? old)?.id;
  if (old === now || id === undefined) return;
  const regions = Math.max(old?.regions.length ?? 0, now?.regions.length ?? 0);
  for (let index = 0; index < regions; index += 1) {
    const [was, is] = [old?.regions[index], now?.regions[index]];
    if (was !== is) changes.push({ table: 'regions', key: `${id}/${index}`, row: textOf(is) });
  }
  if (old?.instances !== now?.instances) instanceRows(changes, id, old, now);
  markRow(changes, `vms/${id}`, VM_MARKS, old, now);
  if (old && now && isAlike(old, now, 'regions', 'instances', ...VM_MARKS)) return;
  const row = now ? textOf({ ...now, regions: null, instances: null }) : null;
  changes.push({ table: 'vms', key: id, row });
}

function instanceRows(
  changes: RowChange[],
  vm_id: string,
  old: VmState | undefined,
  now: VmState | undefined,
): void {
  const left = new Map((old?.instances ?? []).map((one) => [one.id, one]));
  for (const instance of now?.instances ?? []) {
    const { id } = instance;
    const was = left.get(id);
    left.delete(id);
    if (was === instance) continue;
    changes.push({ table: 'instances', key: `${vm_id}/${id}`, row: JSON.stringify(instance) });
  }
  for (const id of left.keys()) {
    changes.push({ table: 'instances', key: `${vm_id}/${id}`, row: null });
  }
}

/** A state of which the sum of permits is still to be counted. */
export type UncountedHost = Omit<HostState, 'granted'>;

/**
 * The state whose rows these are, on a host of that size. Throws when a row is not JSON, or has
 * nothing it belongs to.
 */
export function hostOf(
  rows: StoredRows,
  host_limit_bytes: number,
  facts: HostFacts = {},
): UncountedHost {
  const { next_id = 1, policy_state = {}, cordon = null } = readMeta(rows.meta);
  const vms = readAll<VmState>(rows.vms);
  const marks = readAll<object>(rows.marks);
  for (const [id, vm] of vms) {
    vms.set(id, {
      ...vm,
      retiring: vm.retiring ?? null,
      network: vm.network ?? null,
      ...marks.get(`vms/${id}`),
      regions: [],
      instances: [],
    });
  }
  for (const [key, region] of readAll<RegionState>(rows.regions)) {
    ownerOf(vms, key).regions[region.index] = region;
  }
  for (const [key, instance] of readAll<InstanceState>(rows.instances)) {
    ownerOf(vms, key).instances.push(instance);
  }
  const functions = readAll<FunctionState>(rows.functions);
  const queues = queuesOf(rows.queue, functions);
  for (const [name, fn] of functions) {
    const queue = queues.get(name) ?? Queue.empty();
    const later = {
      spec: specIn(fn),
      targets: targetsIn(fn),
      comeback: comebackIn(fn),
      reclaim: fn.reclaim ?? null,
      short: fn.short ?? null,
      // Learned anew: it changes with every call, and is of the host as it is now.
      pace: NO_PACE,
    };
    functions.set(name, { ...fn, ...marks.get(`functions/${name}`), ...later, queue });
  }
  const alarms = new AlarmEdit(noAlarms());
  for (const [name, { wake_at_ms }] of functions) alarms.set(name, wake_at_ms);
  const table = tableOf(functions);
  const operations = tableOf(readAll<OperationState>(rows.operations));
  const empty = emptyHost(host_limit_bytes, next_id, facts);
  return {
    ...empty,
    functions: table,
    short: shortOf(table),
    vms: tableOf(vms),
    operations,
    queue: { ...empty.queue, ...countQueue(operations.values()) },
    policy_state,
    cordon,
    alarms: alarms.close(),
  };
}

/** What an earlier version did not know was never written. */
function specIn({ spec }: FunctionState): FunctionState['spec'] {
  const { instances, network, tenant, memory, deadline_ms, reclaim_slo } = spec;
  return {
    ...spec,
    instances: instances ?? null,
    network: network ?? null,
    tenant: tenant ?? null,
    deadline_ms: deadline_ms ?? null,
    reclaim_slo: reclaim_slo ?? null,
    memory: memory ? { ...memory, expression: memory.expression ?? null } : null,
  };
}

/** An earlier version left a lost function lost. */
function comebackIn({ comeback, phase }: FunctionState): FunctionState['comeback'] {
  return comeback ?? (phase === 'lost' ? { failures: 0, due_at_ms: 0 } : null);
}

/** Values that an earlier version did not know were never set. */
function targetsIn({ targets }: FunctionState): FunctionState['targets'] {
  return targets ? { ...targets, values: { ...NO_VALUES, ...targets.values } } : null;
}

function readMeta(rows: ReadonlyMap<string, string>): Partial<HostState> {
  return Object.fromEntries([...rows].map(([key, row]) => [key, JSON.parse(row)]));
}

function readAll<Row>(rows: ReadonlyMap<string, string>): Map<string, Row> {
  const read = new Map<string, Row>();
  for (const [key, row] of rows) {
    const value: Row = JSON.parse(row);
    read.set(key, value);
  }
  return read;
}

function ownerOf<Row>(owners: ReadonlyMap<string, Row>, key: string): Row {
  const owner = owners.get(key.slice(0, key.lastIndexOf('/')));
  if (!owner) throw new Error(`row ${key} belongs to nothing`);
  return owner;
}

function queuesOf(
  rows: ReadonlyMap<string, string>,
  functions: ReadonlyMap<string, FunctionState>,
): Map<string, Queue<QueuedInvocation>> {
  const queues = new Map<string, Queue<QueuedInvocation>>();
  const waiting = [...readAll<QueuedInvocation>(rows)];
  for (const [key, one] of waiting.toSorted(([, a], [, b]) => a.sequence - b.sequence)) {
    const { name } = ownerOf(functions, key).spec;
    queues.set(name, (queues.get(name) ?? Queue.empty()).push(one));
  }
  return queues;
}

function tableOf<Row>(rows: ReadonlyMap<string, Row>): Table<Row> {
  const edits = new Edits(Table.empty<Row>());
  for (const [key, row] of rows) edits.set(key, row);
  return Table.empty<Row>().with(edits);
}
