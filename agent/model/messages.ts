/**
 * The messages of the API, one definition for proto, types and checks. 64-bit numbers are below
 * 2^53; an optional field that is absent is null: not known. Pure.
 */
import { z } from 'zod';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { bytes, count, duration_ms, field, message, moment_ms, stamp_ms } from './fields.ts';
import { known, octets, optional_text, text } from './fields.ts';
import { CALL_KEY_CHARS } from './call-key.ts';
import { dagStatusSchema } from './dag-messages.ts';
import { cordonSchema } from './host-messages.ts';
import { httpHeaderSchema, httpRequestSchema } from './http-head.ts';
import { guestPagesSchema, rungStatusSchema } from './pool-messages.ts';
import { PRESSURE_LEVELS } from './pressure.ts';
import { queueStatusSchema, reclaimStatusSchema } from './queue-messages.ts';
import { RECORD_KINDS, RECORDS } from './records.ts';
import { memoryStatusSchema, spansStatusSchema } from './span-messages.ts';
import { functionSpecSchema } from './spec.ts';
import { targetsSchema } from './targets.ts';

export const deployRequestSchema = message('DeployRequest', {
  function: field(1, functionSpecSchema),
  update: field(2, z.boolean(), 'one that is there with another spec gets this one'),
  dry_run: field(3, z.boolean(), 'what an update would do is told, and nothing is done'),
});

export const deployResponseSchema = message('DeployResponse', {
  vm_id: field(1, text),
  requested_at_ms: field(2, moment_ms),
  launched_at_ms: field(3, moment_ms),
  ready_at_ms: field(4, moment_ms, 'hello received (static: and all regions plugged)'),
  guest_kernel: field(5, text),
  vmm: field(6, text, 'its name and version'),
  accelerator: field(7, text, 'tcg | kvm'),
  vmm_path: field(8, optional_text, "the VMM's program file"),
  vmm_pid: field(9, count),
  vmm_command: field(10, z.array(z.string()).readonly(), 'the command line it really has'),
  kernel_variant: field(11, optional_text, 'stock | hotmem | debug; absent: not built by hotplane'),
  kernel_key: field(12, optional_text, 'content key of the guest kernel'),
  series_revision: field(13, optional_text, 'of the HotMem series in it; absent: none'),
  rootfs_key: field(14, optional_text, 'content key of the root file system'),
  revision: field(15, count, 'of the definition: how often another one was given'),
  changed: field(16, z.array(z.string()).readonly(), 'fields of it that an update changed'),
  replaced_vms: field(17, count, 'that gave, or with dry_run would give, way to others for it'),
});
export type DeployResponse = z.infer<typeof deployResponseSchema>;

export const invokeRequestSchema = message('InvokeRequest', {
  function: field(1, z.string()),
  invocation_id: field(2, z.string().max(128), "the caller's, echoed in records"),
  payload: field(
    4,
    octets.refine(({ length }) => length <= PROTOCOL.payload_bytes, 'is longer than 6 MiB'),
    'at most 6 MiB; of the built-in function: JSON that says what it does',
  ),
  content_type: field(5, z.string().max(PROTOCOL.content_type_bytes), 'of the payload'),
  timeout_ms: field(6, duration_ms.nullable(), "how long it may run; absent: the agent's usual"),
  http: field(7, httpRequestSchema.nullable(), 'the HTTP request that it is; absent: it is none'),
  idempotency_key: field(
    8,
    z.string().min(1).max(CALL_KEY_CHARS).nullable(),
    'asked again with it, it is not run again: its answer is given, or waited for',
  ),
});
export type InvokeRequest = z.infer<typeof invokeRequestSchema>;

export const invokeResponseSchema = message('InvokeResponse', {
  record: field(1, RECORDS.invocation),
  payload: field(2, octets.nullable(), "the function's answer; absent: none"),
  content_type: field(3, optional_text, 'of the answer'),
  status: field(4, count.nullable(), 'of a program that serves HTTP; absent: of any other'),
  headers: field(5, z.array(httpHeaderSchema).readonly(), 'of the same'),
});

export const statusRequestSchema = message('StatusRequest', {
  function: field(1, z.string().nullable(), 'absent: all'),
  with_state: field(2, z.boolean(), 'also fill state_json'),
});

export const failureSchema = message('Failure', {
  code: field(1, text),
  category: field(2, text),
  message: field(3, text),
  next: field(4, text),
  vm_id: field(5, text),
  at_ms: field(6, moment_ms),
});
export type Failure = z.infer<typeof failureSchema>;

const nodeBytesSchema = message(
  'NodeBytes',
  { node: field(1, count), bytes: field(2, bytes) },
  'What lies on one NUMA node of the host.',
);

export const regionStatusSchema = message('RegionStatus', {
  id: field(1, text),
  pci_address: field(2, optional_text),
  max_bytes: field(3, bytes),
  requested_bytes: field(4, bytes.nullable()),
  plugged_bytes: field(5, bytes.nullable(), "the VMM's word"),
  guest_plugged_bytes: field(6, bytes.nullable(), "the guest's word"),
  resident_bytes: field(7, bytes.nullable(), "the host's word"),
  instance_id: field(8, optional_text),
  permit_bytes: field(9, bytes, 'granted for it: at least what is plugged, whoever is silent'),
  vm_id: field(10, text, 'the VM it is of: other VMs of the function have regions of the same id'),
  drift_bytes: field(
    11,
    bytes.nullable(),
    'by how much its observers disagree for too long; absent: not',
  ),
  span: field(12, known(text), 'the span that it is of its instance; absent: its own memory'),
  address: field(
    13,
    known(text),
    'IPv4 of the instance whose own memory it is, on the bridge of its function; absent: none',
  ),
  host_node: field(14, known(count), 'node of the host that it is bound to; absent: any'),
  nodes: field(
    15,
    z.array(nodeBytesSchema).readonly().default([]),
    "the host's word of where its resident bytes lie; none: not known, or there are none",
  ),
  used_bytes: field(16, known(bytes), "in use, by the guest's word; absent: it does not tell"),
});
export type RegionStatus = z.infer<typeof regionStatusSchema>;

/** Phases of a VM, and what else can be told of one. New ones come last: they are numbered. */
const VM_STATES = [
  'booting',
  'filling',
  'running',
  'ending',
  'lost',
  'draining',
  'unresponsive',
  'adopting',
  'quarantined',
] as const;
const vm_state = z.enum(VM_STATES);

export const vmStatusSchema = message('VmStatus', {
  vm_id: field(1, text),
  vm_state: field(2, vm_state),
  instances: field(3, count, 'in it, however far'),
  resident_bytes: field(4, bytes.nullable(), "the host's word, whoever does not answer"),
  unanswered: field(5, z.array(z.enum(['vmm', 'guest'])), 'asked, and silent for 1 s'),
});
export type VmStatus = z.infer<typeof vmStatusSchema>;

export const functionStatusSchema = message('FunctionStatus', {
  function: field(1, functionSpecSchema),
  vm_id: field(2, text, 'of the VM that is there longest'),
  vm_state: field(3, vm_state, 'of the same'),
  instances_starting: field(4, count),
  instances_busy: field(5, count),
  instances_idle: field(6, count),
  instances_stopping: field(7, count),
  invocations_queued: field(8, count),
  regions: field(9, z.array(regionStatusSchema), 'of all its VMs'),
  vm_resident_bytes: field(10, bytes.nullable(), "all VMs: the host's word, whoever is silent"),
  pages_migrated: field(11, count.nullable(), 'all guests, each since boot'),
  permits_bytes: field(12, bytes),
  guest_plugged_bytes: field(13, bytes.nullable(), "the guest's own count, all regions"),
  boot_bytes: field(14, bytes),
  oom_kills: field(15, count.nullable()),
  instances_started: field(16, count, 'starts since the VMs booted, whoever they then served'),
  unanswered: field(17, z.array(z.enum(['vmm', 'guest'])), 'of any VM: asked, and silent for 1 s'),
  vmm_answered_at_ms: field(18, stamp_ms, 'when every VMM, and guest, had told anything last'),
  guest_answered_at_ms: field(19, stamp_ms),
  last_failure: field(20, failureSchema.nullable(), 'that nobody asked for; absent: none'),
  vms: field(21, z.array(vmStatusSchema), 'all its VMs, the longest there first'),
  shared_bytes: field(
    22,
    bytes.nullable(),
    "the guests' page cache: what base runtime and code cost, once a VM for all its instances",
  ),
  tmp_bytes: field(23, bytes.nullable(), 'in the guests: files in memory, of /tmp most of all'),
  kernel_bytes: field(24, bytes.nullable(), 'in the guests: slabs, stacks, page tables'),
  targets: field(31, targetsSchema.nullable(), 'absent: none were ever set'),
  reclaim: field(35, reclaimStatusSchema.nullable(), 'absent: it promises nothing'),
  rungs: field(40, z.array(rungStatusSchema), 'how ready its regions stand, the lowest first'),
  memory: field(30, memoryStatusSchema.nullable(), 'absent: its instances have one size'),
  spans: field(41, known(spansStatusSchema), 'absent: it can have none, and none was asked for'),
  pages: field(42, known(guestPagesSchema), 'absent: not every guest counts them, or answers'),
});
export type FunctionStatus = z.infer<typeof functionStatusSchema>;

export const hostMemoryStatusSchema = message(
  'HostMemoryStatus',
  {
    available_bytes: field(1, bytes, 'without swapping, in its memory cgroup too'),
    keep_bytes: field(2, bytes, 'kept for others than VMs'),
    can_give_bytes: field(3, bytes.nullable(), 'to all VMs together'),
    pressure: field(4, z.enum(PRESSURE_LEVELS), 'what is given back, or not given'),
    since_ms: field(5, moment_ms, 'when that began'),
    some_percent: field(6, z.number().nullable(), 'PSI: tasks waited, of the last 10 s'),
    full_percent: field(7, z.number().nullable(), 'all of them did'),
  },
  "The host's own word of its memory.",
);
export type HostMemoryStatus = z.infer<typeof hostMemoryStatusSchema>;

const ledgerHeadSchema = message(
  'LedgerHead',
  {
    ledger: field(1, text, 'which ledger it is'),
    seq: field(2, count, 'records until here'),
    hash: field(3, text, 'SHA-256 over all of them, as hexadecimal digits'),
    is_full: field(4, z.boolean(), 'its disk has no room'),
  },
  'The newest record of the ledger: who keeps it sees later whether something was changed before.',
);

export const statusResponseSchema = message('StatusResponse', {
  functions: field(1, z.array(functionStatusSchema)),
  host_limit_bytes: field(2, bytes),
  permits_bytes: field(3, bytes, 'granted now'),
  version: field(4, text),
  state_json: field(
    5,
    z.string().nullable(),
    "the agent's whole state as JSON, for people and bug reports: a text, because it shows what is " +
      'inside as it is, with a schema_version of its own, and no client may come to need its fields',
  ),
  pid: field(6, count, 'of the agent'),
  granted_bytes: field(7, bytes, 'the book as a whole: boot memory, VMM processes and regions'),
  free_bytes: field(8, bytes, 'of host_limit_bytes'),
  host_memory: field(9, hostMemoryStatusSchema.nullable(), 'absent: it is not looked at'),
  ledger: field(10, ledgerHeadSchema.nullable(), 'absent: the agent keeps none'),
  cordon: field(11, cordonSchema.nullable(), 'absent: the host takes new work'),
  dags: field(13, z.array(dagStatusSchema), 'by name; none where one function is asked for'),
  queue: field(12, queueStatusSchema.nullable(), 'of changes of memory; absent: an older agent'),
});
export type StatusResponse = z.infer<typeof statusResponseSchema>;

export const removeRequestSchema = message('RemoveRequest', { function: field(1, z.string()) });
export const removeResponseSchema = message('RemoveResponse', {
  finished_at_ms: field(1, moment_ms),
});
export type RemoveResponse = z.infer<typeof removeResponseSchema>;

export const drainRequestSchema = message('DrainRequest', {
  function: field(1, z.string()),
  vm_id: field(2, z.string().nullable(), 'end this VM and replace it; absent: none'),
});
export const drainResponseSchema = message('DrainResponse', {
  finished_at_ms: field(1, moment_ms),
  instances_stopped: field(2, count),
});
export type DrainResponse = z.infer<typeof drainResponseSchema>;

export const logsRequestSchema = message('LogsRequest', {
  function: field(1, z.string()),
  after: field(2, count, 'what came after this sequence number; 0: all that is kept'),
});
export const outputEntrySchema = message('OutputEntry', {
  sequence: field(1, count, 'grows, in the life of an agent'),
  at_ms: field(2, moment_ms, 'when the agent got it'),
  instance_id: field(3, text),
  stream: field(4, z.enum(['stdout', 'stderr'])),
  dropped_bytes: field(5, bytes, 'before it, because they were too many'),
  bytes: field(6, octets, 'as they were written'),
});
export type OutputEntry = z.infer<typeof outputEntrySchema>;
export const logsResponseSchema = message('LogsResponse', {
  entries: field(1, z.array(outputEntrySchema).readonly(), 'the oldest first'),
});

export const watchRequestSchema = message('WatchRequest', {
  memory_interval_ms: field(
    1,
    duration_ms.nullable(),
    'longest time between two memory records of a VM; absent: 250',
  ),
  records: field(2, z.array(z.enum(RECORD_KINDS)), 'empty: all of them but events'),
});

/** On the wire one of these and no other: see AgentRecord. */
export const agentRecordSchema = message(
  'AgentRecord',
  {
    operation: field(1, RECORDS.operation.nullable()),
    memory: field(2, RECORDS.memory.nullable()),
    invocation: field(3, RECORDS.invocation.nullable()),
    decision: field(4, RECORDS.decision.nullable()),
    report: field(5, RECORDS.report.nullable()),
    event: field(6, RECORDS.event.nullable()),
  },
  'Exactly one of them.',
).meta({ oneof: 'record' });
