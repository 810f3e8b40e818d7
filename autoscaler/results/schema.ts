/**
 * The formats of a result folder. Fields are documented in README.md beside this file. All times
 * are milliseconds since the run's start (the first planned arrival of that mechanism), negative
 * before it; null means: this point was not reached.
 */
import { z } from 'zod';

export const SCHEMA_VERSION = 1;

const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const count = bytes;
const ms = z.number().finite();
const stamp = ms.nullable();
const duration_ms = z.number().nonnegative().finite();
const text = z.string().max(4096);
const optional_text = text.nullable();

export const operationSchema = z.strictObject({
  mechanism: text,
  id: text,
  kind: z.enum(['plug', 'unplug']),
  function: text,
  vm_id: text,
  region_id: text,
  instance_id: optional_text,
  outcome: z.enum(['done', 'partial', 'refused', 'failed']),
  error_code: optional_text,
  reason: optional_text,
  before_bytes: bytes,
  requested_bytes: bytes,
  plugged_bytes: bytes,
  guest_plugged_bytes: bytes,
  resident_before_bytes: bytes,
  resident_bytes: bytes,
  decided_at_ms: stamp,
  requested_at_ms: stamp,
  accepted_at_ms: stamp,
  plugged_at_ms: stamp,
  resident_at_ms: stamp,
  sandbox_at_ms: stamp,
  instance_ready_at_ms: stamp,
  stop_at_ms: stamp,
  gone_at_ms: stamp,
  nudges: count,
  pages_migrated: count,
  guest_cpu_ms: duration_ms,
  guest_ns: count,
});
export type OperationLine = z.infer<typeof operationSchema>;

export const invocationSchema = z.strictObject({
  mechanism: text,
  invocation_id: text,
  function: text,
  instance_id: optional_text,
  outcome: z.enum(['done', 'refused', 'failed', 'interrupted']),
  error_code: optional_text,
  reason: optional_text,
  cold: z.boolean(),
  operation_id: optional_text,
  planned_at_ms: ms,
  planned_duration_ms: duration_ms,
  sent_at_ms: stamp,
  received_at_ms: stamp,
  assigned_at_ms: stamp,
  instance_ready_at_ms: stamp,
  first_byte_at_ms: stamp,
  finished_at_ms: stamp,
  replied_at_ms: stamp,
  guest_wall_ms: duration_ms,
  guest_cpu_ms: duration_ms,
  anonymous_bytes: bytes,
  minor_faults: count,
});
export type InvocationLine = z.infer<typeof invocationSchema>;

export const memoryStepSchema = z.strictObject({
  mechanism: text,
  kind: z.literal('step'),
  at_ms: ms,
  function: text,
  vm_id: text,
  committed_bytes: bytes,
  plugged_bytes: bytes,
  used_bytes: bytes,
  resident_bytes: bytes,
  region_resident_bytes: bytes,
});
export type MemoryStepLine = z.infer<typeof memoryStepSchema>;

export const memoryCheckSchema = z.strictObject({
  mechanism: text,
  kind: z.literal('check'),
  /** `start`: deployed, before the first arrival. `end`: after the last unplug. */
  at: z.enum(['start', 'end']),
  at_ms: ms,
  function: text,
  vm_id: text,
  /** As the agent says: `running`, or e.g. `lost`. */
  vm_state: text,
  instances: count,
  regions: z.array(
    z.strictObject({
      id: text,
      vmm_plugged_bytes: bytes,
      guest_plugged_bytes: bytes,
      host_resident_bytes: bytes,
    }),
  ),
  vm_resident_bytes: bytes,
  permits_bytes: bytes,
  pages_migrated: count,
  oom_kills: count,
});
export type MemoryCheckLine = z.infer<typeof memoryCheckSchema>;

export const memorySchema = z.discriminatedUnion('kind', [memoryStepSchema, memoryCheckSchema]);
export type MemoryLine = z.infer<typeof memorySchema>;

const run_status = z.enum(['running', 'complete', 'interrupted', 'failed']);

const mechanismRunSchema = z.strictObject({
  name: text,
  status: z.enum(['waiting', 'running', 'complete', 'interrupted', 'failed']),
  /** Up to where the window was observed; less than window_ms when it ended early. */
  observed_ms: duration_ms,
  /** All instances idled out and, unless static, every region was unplugged in time. */
  drained: z.boolean(),
  vmm: text,
  accelerator: text,
  guest_kernel: text,
  error: optional_text,
});
export type MechanismRun = z.infer<typeof mechanismRunSchema>;

export const manifestSchema = z.strictObject({
  schema_version: z.literal(SCHEMA_VERSION),
  kind: z.literal('replay'),
  status: run_status,
  /** Wall clock, UTC; the only one in the folder. */
  started_at: text,
  command: z.array(text),
  seed: z.number().int().nonnegative(),
  /** The mechanism the others are compared with. */
  baseline: text,
  inputs: z.array(z.strictObject({ path: text, format: text, bytes, sha256: text })),
  versions: z.strictObject({ hotplane: text, node: text, agent: text }),
  host: z.strictObject({
    cpu_model: text,
    cores: count,
    memory_bytes: bytes,
    kernel: text,
    arch: text,
  }),
  mechanisms: z.array(mechanismRunSchema),
  guest: z.strictObject({
    init_on_alloc: z.boolean(),
    huge_pages: z.boolean(),
    backing: text,
  }),
  trace: z.strictObject({
    speedup: z.number().positive(),
    rows_used: count,
    rows_total: count,
    functions_used: count,
    functions_total: count,
    apps_total: count,
    zero_durations: count,
    out_of_order_rows: count,
    negative_starts: count,
    span_ms: duration_ms,
  }),
  policy: z.strictObject({
    name: text,
    keep_alive_s: duration_ms,
    keep_alive_ms: duration_ms,
  }),
  memory_model: z.strictObject({
    name: text,
    source: text,
    mapping: text,
    scale: z.number().positive(),
    touched_share: z.number().nonnegative(),
    file_share: z.number().nonnegative(),
    cpu_share: z.number().nonnegative(),
    /** A number, or `peak`. */
    concurrency: text,
    most_vcpus: count,
    boot_base_bytes: bytes,
  }),
  window: z.strictObject({
    window_ms: duration_ms,
    load_ms: duration_ms,
    keep_alive_ms: duration_ms,
    margin_ms: duration_ms,
  }),
  functions: z.array(
    z.strictObject({
      name: text,
      rank: count,
      app: text,
      func: text,
      invocations: count,
      profile: text,
      limit_bytes: bytes,
      anonymous_bytes: bytes,
      file_bytes: bytes,
      vcpus: count,
      boot_bytes: bytes,
      concurrency: count,
      keep_alive_ms: duration_ms,
    }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;
