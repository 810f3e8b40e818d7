/**
 * The agent's state as rows of a store, and back. Pure. A row is what changes together: functions,
 * VMs without their regions and instances, regions, instances, operations, waiting invocations. The
 * sum of permits and the alarms follow from the rows and are not written. What changes with every
 * call stands apart, as marks: the rest of a function or VM, which hardly changes, is much longer.
 */
import { AlarmEdit, noAlarms } from '../model/alarms.ts';
import { countQueue } from '../model/operation-queue.ts';
import type { OperationState } from '../model/operations.ts';
import { NONE_EXPECTED } from '../model/expected-call.ts';
import { NO_PACE } from '../model/pace.ts';
import { NO_POOL, type ReadyRung, readyBytes } from '../model/pool.ts';
import { Queue } from '../model/queue.ts';
import { shortOf } from '../model/shortages.ts';
import { countRunning } from '../model/running.ts';
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
import { changesKey, regionRows, withChanges } from './region-rows.ts';
import type { RowsBefore } from './rows-before.ts';

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

/** Something of each table. */
export function perTable<Of>(of: (table: TableName) => Of): Record<TableName, Of> {
  return {
    functions: of('functions'),
    vms: of('vms'),
    regions: of('regions'),
    instances: of('instances'),
    operations: of('operations'),
    queue: of('queue'),
    meta: of('meta'),
    marks: of('marks'),
    answers: of('answers'),
  };
}

/** A row that is to be written; null: taken away. */
export interface RowChange {
  readonly table: TableName;
  readonly key: string;
  readonly row: string | null;
}

/** All rows of a store by table, in the order in which they were first written. */
export type StoredRows = Readonly<Record<TableName, ReadonlyMap<string, string>>>;

/** What leads from the rows of `before` to those of `after`; `rows`: those that may differ. */
export function rowsBetween(
  before: Pick<HostState, HostField>,
  after: HostState,
  rows: Omit<RowsBefore, 'note' | 'clear'>,
): RowChange[] {
  const changes: RowChange[] = [];
  if (before === after) return changes;
  for (const [name, old] of rows.functions) {
    functionRows(changes, old ?? undefined, after.functions.get(name));
  }
  for (const [id, old] of rows.vms) vmRows(changes, old ?? undefined, after.vms.get(id));
  for (const [id, old] of rows.operations) {
    const now = after.operations.get(id);
    if ((old ?? undefined) !== now) {
      changes.push({ table: 'operations', key: id, row: textOf(now) });
    }
  }
  for (const key of HOST_FIELDS) {
    const now = after[key];
    if (now !== before[key]) changes.push({ table: 'meta', key, row: JSON.stringify(now) });
  }
  return changes;
}

/** What is kept of the host itself. */
const HOST_FIELDS = ['next_id', 'policy_state', 'cordon', 'dags'] as const;
type HostField = (typeof HOST_FIELDS)[number];

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
  const apart = ['queue', 'pace', 'pool', 'expected', ...FUNCTION_MARKS] as const;
  if (old && now && isAlike(old, now, ...apart)) return;
  const row = now ? textOf({ ...now, queue: null, pace: null, pool: null, expected: null }) : null;
  changes.push({ table: 'functions', key: name, row });
}

const FUNCTION_MARKS = ['next_sequence', 'wake_at_ms', 'named_spans', 'elastic'] as const;
const VM_MARKS = ['wake_at_ms', 'size_at_ms', 'quiet_since_ms', 'instances_started'] as const;

function markRow<Row extends object>(
  changes: RowChange[],
  key: string,
  marks: readonly (keyof Row & string)[],
  old: Row | undefined,
  now: Row | undefined,
): void {
  if (old && now && marks.every((mark) => old[mark] === now[mark])) return;
  changes.push({ table: 'marks', key, row: now ? marksText(marks, now) : null });
}

function marksText<Row extends object>(marks: readonly (keyof Row & string)[], now: Row): string {
  const row: Partial<Row> = {};
  for (const mark of marks) row[mark] = now[mark];
  return JSON.stringify(row);
}

/** Whether two rows agree in everything but what stands in rows of its own. */
function isAlike<Row extends object>(old: Row, now: Row, ...beside: (keyof Row)[]): boolean {
  for (const field in now) {
    if (old[field] !== now[field] && !beside.includes(field)) return false;
  }
  return true;
}

/** What came is behind all that was there, unless it came back; mostly the oldest went. */
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
  const came_back = old?.calls_returned !== now?.calls_returned;
  let came = 0;
  for (const one of now?.queue.from(came_back ? 0 : came_from) ?? []) {
    if (one.sequence < came_from && old?.queue.find(one.sequence)) continue;
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
    regionRows(changes, `${id}/${index}`, old?.regions[index], now?.regions[index]);
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
  const [before, after] = [old?.instances ?? [], now?.instances ?? []];
  if (areSame(before, after)) {
    for (const [place, instance] of after.entries()) {
      if (instance === before[place]) continue;
      const key = `${vm_id}/${instance.id}`;
      changes.push({ table: 'instances', key, row: JSON.stringify(instance) });
    }
    return;
  }
  const left = new Map(before.map((one) => [one.id, one]));
  for (const instance of after) {
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

/** Whether none came and none went, as with most calls. */
function areSame(before: readonly InstanceState[], after: readonly InstanceState[]): boolean {
  return before.length === after.length && after.every(({ id }, place) => id === before[place]?.id);
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
  const { next_id = 1, policy_state = {}, cordon = null, dags = {} } = readMeta(rows.meta);
  const vms = readAll<VmState>(rows.vms);
  const marks = readAll<object>(rows.marks);
  for (const [id, vm] of vms) {
    vms.set(id, {
      ...vm,
      retiring: vm.retiring ?? null,
      network: vm.network ?? null,
      outdated: vm.outdated ?? null,
      ...marks.get(`vms/${id}`),
      regions: [],
      instances: [],
    });
  }
  for (const [key, region] of readAll<RegionState>(rows.regions)) {
    ownerOf(vms, key).regions[region.index] = withChanges(region, rows.marks.get(changesKey(key)));
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
      pool: poolOf(fn.vm_ids, vms),
      expected: NONE_EXPECTED,
      revision: fn.revision ?? 1,
      update: fn.update ?? null,
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
    running: countRunning(vms.values()),
    policy_state,
    cordon,
    dags,
    alarms: alarms.close(),
  };
}

/** What an earlier version did not know was never written. */
function specIn({ spec }: FunctionState): FunctionState['spec'] {
  const { instances, network, tenant, memory, deadline_ms, reclaim_slo, pool, spans } = spec;
  return {
    ...spec,
    instances: instances ?? null,
    network: network ?? null,
    tenant: tenant ?? null,
    deadline_ms: deadline_ms ?? null,
    reclaim_slo: reclaim_slo ?? null,
    host_node: spec.host_node ?? null,
    tiers: spec.tiers ?? null,
    pool: pool ?? null,
    spans: (spans ?? []).map((span) => ({ ...span, host_node: span.host_node ?? null })),
    memory: memory ? { ...memory, expression: memory.expression ?? null } : null,
  };
}

/** What stands ready now; how often it was good for something is counted anew. */
function poolOf(ids: readonly string[], vms: ReadonlyMap<string, VmState>): FunctionState['pool'] {
  const found = ids.flatMap((id) => vms.get(id) ?? []);
  const sum = (rung: ReadyRung): number =>
    found.reduce((bytes, vm) => bytes + readyBytes(vm)[rung], 0);
  return {
    ...NO_POOL,
    plugged: { ...NO_POOL.plugged, bytes: sum('plugged') },
    populated: { ...NO_POOL.populated, bytes: sum('populated') },
    warm: { ...NO_POOL.warm, bytes: sum('warm') },
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
