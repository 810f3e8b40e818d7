/** Runs made by hand: a healthy one of any mechanisms, to be spoilt in one place by a test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResultData } from '../../autoscaler/results/reader.ts';
import { RunTally } from '../../autoscaler/report/run-tally.ts';
import { summarize, type Summary } from '../../autoscaler/report/summary.ts';
import type { InvocationLine, LoadLine, Manifest } from '../../autoscaler/results/schema.ts';
import type { MemoryCheckLine, MemoryStepLine } from '../../autoscaler/results/schema.ts';
import type { OperationLine } from '../../autoscaler/results/schema.ts';
import { nothingOf } from '../../agent/model/fields.ts';
import { invocationSchema, manifestSchema } from '../../autoscaler/results/schema.ts';
import { operationSchema, SCHEMA_VERSION } from '../../autoscaler/results/schema.ts';
import { RESULT_FILES } from '../../autoscaler/results/writer.ts';
import { GIB } from '../../base/units.ts';

export const WINDOW_MS = 20_000;
const CALLS = 20;

/** The lines of a run, which a test may change before they are read. */
export type MadeRun = {
  manifest: Manifest;
  operations: OperationLine[];
  invocations: InvocationLine[];
  memory: (MemoryStepLine | MemoryCheckLine)[];
  load: LoadLine[];
};

/** What a report is made of. */
type Told = Pick<ResultData, keyof MadeRun>;

export function tallyOf(data: Told): RunTally {
  const tally = new RunTally(data.manifest);
  for (const line of data.operations) tally.operation(line);
  for (const line of data.invocations) tally.invocation(line);
  for (const line of data.memory) tally.memory(line);
  for (const line of data.load) tally.load(line);
  return tally;
}

export function summaryOf(data: Told): Summary {
  return summarize(tallyOf(data), { torn_files: [], missing_files: [] });
}

const lines = (list: readonly object[]): string =>
  list.map((line) => `${JSON.stringify(line)}\n`).join('');

/** As the writer would have left it. */
export function writeRun(folder: string, run: MadeRun): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, RESULT_FILES.manifest), JSON.stringify(run.manifest));
  writeFileSync(join(folder, RESULT_FILES.operations), lines(run.operations));
  writeFileSync(join(folder, RESULT_FILES.invocations), lines(run.invocations));
  writeFileSync(join(folder, RESULT_FILES.memory), lines(run.memory));
  writeFileSync(join(folder, RESULT_FILES.load), lines(run.load));
}

/** Every call of 100 ms is done at once; `static` holds 3 GiB, the others 1.5. */
export function healthyRun(mechanisms: readonly string[] = ['static', 'hotmem']): MadeRun {
  const run: MadeRun = {
    manifest: madeManifest(mechanisms),
    operations: [],
    invocations: [],
    memory: [],
    load: [],
  };
  for (const mechanism of mechanisms) {
    const plugged_bytes = mechanism === 'static' ? 3 * GIB : 1.5 * GIB;
    for (let at_ms = -500; at_ms <= WINDOW_MS; at_ms += 250) {
      run.memory.push(madeStep(mechanism, at_ms, plugged_bytes));
      if (at_ms % 1000 === 0 && at_ms > 0) run.load.push(madeLoad(mechanism, at_ms));
    }
    run.memory.push(madeCheck(mechanism, 'start', -10), madeCheck(mechanism, 'end', WINDOW_MS + 9));
    for (let index = 0; index < CALLS; index += 1) run.invocations.push(madeCall(mechanism, index));
  }
  return run;
}

export function madeStep(mechanism: string, at_ms: number, bytes: number): MemoryStepLine {
  return {
    mechanism,
    kind: 'step',
    at_ms,
    function: 'f1',
    vm_id: `vm-${mechanism}`,
    committed_bytes: bytes,
    plugged_bytes: bytes,
    used_bytes: bytes / 2,
    resident_bytes: bytes / 2,
    region_resident_bytes: bytes / 4,
    region_used_bytes: null,
  };
}

export function madeCall(
  mechanism: string,
  index: number,
  planned_at_ms = index * 500,
): InvocationLine {
  return {
    ...nothingOf(invocationSchema),
    mechanism,
    invocation_id: `i${index}`,
    function: 'f1',
    instance_id: 'i1',
    outcome: 'done',
    cold: false,
    waited: false,
    planned_at_ms,
    planned_duration_ms: 100,
    sent_at_ms: planned_at_ms,
    received_at_ms: planned_at_ms,
    assigned_at_ms: planned_at_ms,
    first_byte_at_ms: planned_at_ms + 1,
    finished_at_ms: planned_at_ms + 102,
    replied_at_ms: planned_at_ms + 103,
    guest_wall_ms: 100,
    guest_cpu_ms: 10,
    guest_touch_cpu_ms: 6,
    anonymous_bytes: 4096,
    minor_faults: 1,
  };
}

export function madeLoad(mechanism: string, at_ms: number): LoadLine {
  return {
    mechanism,
    at_ms,
    interval_ms: 1000,
    other_cpu_share: 0.02,
    own_cpu_share: 0.3,
    steal_share: 0,
    psi_cpu_some_share: 0.05,
    psi_memory_some_share: 0,
    event_loop_lag_ms: 3,
    mem_available_bytes: 4 * GIB,
  };
}

export function madePlug(mechanism: string, id: string, at_ms: number): OperationLine {
  return {
    ...nothingOf(operationSchema),
    mechanism,
    id,
    kind: 'plug',
    function: 'f1',
    vm_id: `vm-${mechanism}`,
    region_id: 'r0',
    instance_id: 'i1',
    outcome: 'done',
    before_bytes: 0,
    requested_bytes: GIB,
    plugged_bytes: GIB,
    guest_plugged_bytes: GIB,
    resident_before_bytes: 0,
    resident_bytes: 0,
    decided_at_ms: at_ms,
    requested_at_ms: at_ms,
    accepted_at_ms: at_ms + 1,
    plugged_at_ms: at_ms + 20,
    sandbox_at_ms: at_ms + 10,
    instance_ready_at_ms: at_ms + 30,
    nudges: 0,
    pages_migrated: 0,
    guest_cpu_ms: 1,
    guest_ns: 0,
  };
}

function madeCheck(mechanism: string, at: 'start' | 'end', at_ms: number): MemoryCheckLine {
  const plugged = mechanism === 'static' ? 2 * GIB : 0;
  return {
    mechanism,
    kind: 'check',
    at,
    at_ms,
    function: 'f1',
    vm_id: `vm-${mechanism}`,
    vm_state: 'running',
    instances: 0,
    instances_started: at === 'start' ? 0 : 1,
    regions: [
      {
        id: 'r0',
        vmm_plugged_bytes: plugged,
        guest_plugged_bytes: plugged,
        host_resident_bytes: plugged,
      },
    ],
    vm_resident_bytes: GIB,
    permits_bytes: plugged,
    pages_migrated: 0,
    oom_kills: 0,
  };
}

function madeManifest(mechanisms: readonly string[]): Manifest {
  return manifestSchema.parse({
    schema_version: SCHEMA_VERSION,
    kind: 'replay',
    status: 'complete',
    started_at: '2026-01-01T00:00:00.000Z',
    command: ['hotplane', 'replay'],
    seed: 1,
    baseline: 'static',
    inputs: [{ path: 'trace.csv', format: 'azure2021', bytes: 100, sha256: '0'.repeat(64) }],
    versions: { hotplane: '0.1.0', node: 'v24.12.0', agent: '0.1.0' },
    host: { cpu_model: 'a CPU', cores: 2, memory_bytes: 8 * GIB, kernel: '6.1', arch: 'x64' },
    mechanisms: mechanisms.map((name) => ({
      name,
      status: 'complete',
      observed_ms: WINDOW_MS,
      drained: true,
      vmm: 'a VMM',
      accelerator: 'kvm',
      guest_kernel: '6.12.0',
      error: null,
    })),
    guest: { init_on_alloc: false, huge_pages: false, backing: 'anonymous' },
    trace: {
      speedup: 50,
      rows_used: CALLS,
      rows_total: 4 * CALLS,
      functions_used: 1,
      functions_total: 2,
      apps_total: 1,
      zero_durations: 0,
      out_of_order_rows: 0,
      negative_starts: 0,
      span_ms: 500_000,
    },
    policy: { name: 'fixed-keep-alive', keep_alive_s: 100, keep_alive_ms: 2000 },
    memory_model: {
      name: 'hotmem-paper',
      source: 'HotMem',
      mapping: 'rank',
      scale: 1,
      touched_share: 0.5,
      file_share: 0.05,
      cpu_share: 0.05,
      concurrency: 'peak',
      most_vcpus: 2,
      boot_base_bytes: GIB,
    },
    window: { window_ms: WINDOW_MS, load_ms: 10_000, keep_alive_ms: 2000, margin_ms: 8000 },
    functions: [
      {
        name: 'f1',
        rank: 1,
        app: 'a',
        func: 'f',
        invocations: CALLS,
        profile: 'cnn',
        limit_bytes: GIB,
        anonymous_bytes: GIB / 2,
        file_bytes: 0,
        vcpus: 2,
        boot_bytes: GIB,
        concurrency: 2,
        keep_alive_ms: 2000,
      },
    ],
  });
}
