/**
 * The formats of a result folder. Fields are documented in README.md beside this file. All times
 * are milliseconds since the run's start (the first planned arrival of that mechanism), negative
 * before it; null means: this point was not reached. A null size, count or duration means: not
 * known (who would tell did not answer); it is never written as 0. What the agent tells is defined
 * in agent/model/records.ts, and here what a run adds to it.
 */
import { z } from 'zod';
import { bytes, count, duration_ms, known, moment_ms } from '../../agent/model/fields.ts';
import { optional_text, stamp_ms, text } from '../../agent/model/fields.ts';
import * as records from '../../agent/model/records.ts';
import { speedupChoiceSchema } from './speedup-choice.ts';

/** 2: decisions, and what the records of the agent have gained; folders of 1 are read as before. */
export const SCHEMA_VERSION = 2;
export const READ_VERSIONS = [1, SCHEMA_VERSION] as const;

const ms = moment_ms;
const stamp = stamp_ms;
const share = z.number().finite().min(0).max(1);

/** The agent's record as it is: it names its mechanism itself. */
export const operationSchema = records.operationSchema;
export type OperationLine = z.infer<typeof operationSchema>;

/** The agent's record, and what the replay knows of the call; its outcome may be `interrupted`. */
export const invocationSchema = records.invocationSchema.extend({
  mechanism: text,
  outcome: z.enum(['done', 'refused', 'failed', 'interrupted']),
  /** No instance was idle when it came: it was queued, whether or not one was started for it. */
  waited: known(z.boolean()),
  planned_at_ms: ms,
  planned_duration_ms: duration_ms,
  sent_at_ms: stamp,
  /** Null where there was no answer. */
  received_at_ms: stamp,
  replied_at_ms: stamp,
});
export type InvocationLine = z.infer<typeof invocationSchema>;

export const memoryStepSchema = records.memoryStepSchema.extend({
  mechanism: text,
  kind: z.literal('step'),
});
export type MemoryStepLine = z.infer<typeof memoryStepSchema>;

export const decisionSchema = records.decisionSchema.extend({ mechanism: text });
export type DecisionLine = z.infer<typeof decisionSchema>;

/** The agent's record, and its moment on the host's clock, which the event itself goes by. */
export const eventSchema = records.toldEventSchema.extend({ mechanism: text, host_ms: ms });
export type EventLine = z.infer<typeof eventSchema>;

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
  /** Starts of instances since the function was deployed, whoever they then served. */
  instances_started: known(count),
  regions: z.array(
    z.strictObject({
      id: text,
      vmm_plugged_bytes: bytes.nullable(),
      guest_plugged_bytes: bytes.nullable(),
      host_resident_bytes: bytes.nullable(),
    }),
  ),
  vm_resident_bytes: bytes.nullable(),
  permits_bytes: bytes,
  pages_migrated: count.nullable(),
  oom_kills: count.nullable(),
});
export type MemoryCheckLine = z.infer<typeof memoryCheckSchema>;

export const memorySchema = z.discriminatedUnion('kind', [memoryStepSchema, memoryCheckSchema]);
export type MemoryLine = z.infer<typeof memorySchema>;

/** What the machine did in the `interval_ms` before `at_ms`; null: it could not be read. */
export const loadSchema = z.strictObject({
  mechanism: text,
  at_ms: ms,
  interval_ms: duration_ms,
  /** Shares of all CPU time of the machine: by others, and by replay, agent and VMMs. */
  other_cpu_share: share.nullable(),
  own_cpu_share: share.nullable(),
  /** Taken by the hypervisor below this machine. */
  steal_share: share.nullable(),
  /** Shares of the interval in which some task waited (/proc/pressure, `some`). */
  psi_cpu_some_share: share.nullable(),
  psi_memory_some_share: share.nullable(),
  /** How late the replay's own event loop was at worst. */
  event_loop_lag_ms: duration_ms.nullable(),
  mem_available_bytes: bytes.nullable(),
});
export type LoadLine = z.infer<typeof loadSchema>;

const run_status = z.enum(['running', 'complete', 'interrupted', 'failed']);

const kernelSchema = z.strictObject({
  /** stock, hotmem or debug. */
  variant: text,
  /** Of the HotMem series; null in a kernel without it. */
  series_revision: optional_text,
  /** Content key, or as much of its start as is known. */
  key: text,
});

/** A failure that the replay brought about on purpose. */
const injectedSchema = z.strictObject({
  /** `kill-vmm`, `stall-vmm` or `kill-agent`. */
  failure: text,
  /** Whose VM it was; null: it is of none. */
  function: optional_text,
  vm_id: optional_text,
  planned_at_ms: ms,
  at_ms: ms,
  /** When what was stopped went on, or what was killed had a successor, as far as we see to it. */
  over_at_ms: stamp,
  /** Why it could not be brought about; null: it was. */
  problem: optional_text,
});
export type InjectedFailure = z.infer<typeof injectedSchema>;

const mechanismRunSchema = z.strictObject({
  name: text,
  status: z.enum(['waiting', 'running', 'complete', 'interrupted', 'failed']),
  /** Up to where the window was observed; less than window_ms when it ended early. */
  observed_ms: duration_ms,
  /** All instances idled out and, unless static, every region was unplugged in time. */
  drained: z.boolean(),
  vmm: text,
  accelerator: text,
  /** `uname -r` of the guest: built ones end with variant, series revision and key. */
  guest_kernel: text,
  /** Of the built kernel that ran; null for a kernel not built here. */
  kernel: known(kernelSchema),
  /** Content key of the guest's root file system. */
  rootfs_key: known(text),
  /** One for each function VM that booted, with the command line its VMM really had. */
  vms: z
    .array(
      z.strictObject({
        function: text,
        vm_id: text,
        vmm_path: optional_text,
        vmm_command: z.array(text),
      }),
    )
    .default([]),
  error: optional_text,
  /** Of the host's clock, from which the times of its lines count. */
  clock_start_ms: known(ms),
  /** Null: none were planned. */
  failures: known(z.array(injectedSchema)),
});
export type MechanismRun = z.infer<typeof mechanismRunSchema>;

/** What decided the run besides its options, as far as this machine tells it. */
const provenanceSchema = z.strictObject({
  /** Of hotplane's own sources; null when they are no git checkout. */
  commit: optional_text,
  /** Whether tracked files differed from that commit. */
  is_dirty: z.boolean().nullable(),
  /** The VMM's program file; null until a VM ran. */
  vmm_binary: z.strictObject({ path: text, bytes, sha256: text }).nullable(),
  host: z.strictObject({
    /** The chosen word of /sys/kernel/mm/transparent_hugepage/{enabled,defrag}. */
    thp_enabled: optional_text,
    thp_defrag: optional_text,
    swap_total_bytes: bytes.nullable(),
    swap_free_bytes: bytes.nullable(),
    mem_available_bytes: bytes.nullable(),
    /** The least limits of our cgroup and all above it; null: none, or not known. */
    cgroup_version: z.union([z.literal(1), z.literal(2)]).nullable(),
    cgroup_memory_max_bytes: bytes.nullable(),
    cgroup_swap_max_bytes: bytes.nullable(),
    cgroup_cpus: z.number().positive().nullable(),
    /** CPUs this process may run on; `cores` counts those of the machine. */
    cpus_allowed: count.nullable(),
    /** Over 1, 5 and 15 minutes, when the run began. */
    load_average: z.array(z.number().nonnegative()).length(3).nullable(),
    cpu_governor: optional_text,
  }),
});
export type Provenance = z.infer<typeof provenanceSchema>;

/** The rows that were replayed; the other figures of `trace` are of the whole file. */
const rowsUsedSchema = z.strictObject({
  zero_durations: count,
  negative_starts: count,
  span_ms: duration_ms,
});

const hostSchema = z.strictObject({
  cpu_model: text,
  cores: count,
  memory_bytes: bytes,
  kernel: text,
  arch: text,
});

const line = z.strictObject({ base_ms: duration_ms, ms_per_mib: duration_ms });

/** What a simulation took the times of its mechanisms from. */
const simulatedSchema = z.strictObject({
  engine: text,
  mechanisms: z.array(
    z.strictObject({
      name: text,
      source: text,
      plug: line,
      unplug: line,
      start_ms: duration_ms,
      stop_ms: duration_ms,
    }),
  ),
});

/** A real program that stood for a function of the trace, and how well it did by the plan. */
const realFunctionSchema = z.strictObject({
  program: text,
  /** Calls of it that were measured before the run; none: told by a table, in a plan alone. */
  points: z.array(z.strictObject({ size: z.number().int().positive(), ms: duration_ms })),
  /** How long the shortest and the longest call takes that it can be asked for. */
  shortest_ms: duration_ms,
  longest_ms: duration_ms,
  /** Calls of the trace that take as long as one of it can; the others got the nearest. */
  calls_in_reach: count,
  /** Medians of the trace's calls, compressed, and of those that stand for them. */
  wanted_p50_ms: duration_ms,
  planned_p50_ms: duration_ms,
  /** The trace's limit by the memory model; the program may have been given more. */
  wanted_limit_bytes: bytes,
  /** What a call of the median size needs with its runtime, measured on another host. */
  needed_bytes: bytes,
});
export type RealFunction = z.infer<typeof realFunctionSchema>;

export const manifestSchema = z.strictObject({
  schema_version: z.literal(READ_VERSIONS),
  /** `simulation`: nothing in it was measured. */
  kind: z.enum(['replay', 'simulation']),
  status: run_status,
  /** Wall clock, UTC; the only one in the folder. */
  started_at: text,
  command: z.array(text),
  /** Every option of the run as text, defaults included; what `replay --from` takes. */
  options: known(z.record(text, text)),
  provenance: known(provenanceSchema),
  /** The run that `replay --from` repeated, and in words what differed. */
  repeat_of: known(z.strictObject({ folder: text, started_at: text, differences: z.array(text) })),
  /** The run that was cut off and gone on with, and which mechanisms are its. */
  resumed_from: known(
    z.strictObject({ folder: text, started_at: text, mechanisms: z.array(text) }),
  ),
  seed: z.number().int().nonnegative(),
  /** The mechanism the others are compared with. */
  baseline: text,
  inputs: z.array(z.strictObject({ path: text, format: text, bytes, sha256: text })),
  versions: z.strictObject({ hotplane: text, node: text, agent: text }),
  /** Null for a simulation, which is of no host. */
  host: hostSchema.nullable(),
  mechanisms: z.array(mechanismRunSchema),
  /** Null for a live run. */
  simulated: known(simulatedSchema),
  guest: z.strictObject({
    init_on_alloc: z.boolean(),
    huge_pages: z.boolean(),
    backing: text,
  }),
  /** Of --speedup auto, and of runs that repeat one; null: somebody said it. */
  speedup_choice: known(speedupChoiceSchema),
  trace: z.strictObject({
    /** What got a VM: each `function`, or each `app`. */
    grouping: known(text),
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
    /** Where the file's data come from, when that is known; else null. */
    source: known(text),
    used: known(rowsUsedSchema),
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
    /** What was replayed before the window, at times below 0; null: nothing was. */
    warm_up: known(z.strictObject({ ms: duration_ms, invocations: count })),
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
      /** Instances it would need if nobody waited; above `concurrency` some calls must wait. */
      peak_concurrency: known(count),
      keep_alive_ms: duration_ms,
      /** Null: its calls were emulated. */
      real: known(realFunctionSchema),
    }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;
