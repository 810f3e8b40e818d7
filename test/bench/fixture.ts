/** A made-up run, small and whole, for tests of what is computed from one. */
import { hostProvenance } from '../../autoscaler/replay/provenance.ts';
import { GIB, MIB } from '../../base/units.ts';
import { BASE_CONDITION, type BenchMechanism, type Cell } from '../../bench/reclaim/plan/cell.ts';
import {
  type BenchData,
  type BenchOperation,
  type FloorLine,
  noLines,
} from '../../bench/reclaim/results/records.ts';
import { parseOptions } from '../../bench/reclaim/plan/options.ts';
import { makePlan } from '../../bench/reclaim/plan/plan.ts';

export function cellOf(mechanism: BenchMechanism, other: Partial<Cell> = {}): Cell {
  return { mechanism, ...BASE_CONDITION, region_bytes: 512 * MIB, ...other };
}

export function operation(cell: Cell, plugged_ms: number, other: Partial<BenchOperation> = {}) {
  const line: BenchOperation = {
    block: 'r1-b01',
    round: 1,
    cell,
    kind: 'unplug',
    repetition: 1,
    slot: 1,
    outcome: 'done',
    reason: null,
    requested_at_ms: 1000,
    accepted_ms: 0.5,
    plugged_ms,
    resident_ms: plugged_ms + 1,
    touched_bytes: 470 * MIB,
    resident_before_bytes: 470 * MIB,
    pages_migrated: 0,
    guest_cpu_ms: 1,
    vmm_requests: 1,
    guest_ms: cell.mechanism === 'hotmem' ? plugged_ms / 2 : null,
    observers: {
      vmm_plugged_bytes: 0,
      guest_plugged_bytes: 0,
      host_resident_bytes: 0,
      map_bytes: 8 * MIB,
      agree: true,
    },
    neighbours: 7,
    nudges: 0,
    ...other,
  };
  return line;
}

export function floorLine(region_bytes: number, discard_ms: number): FloorLine {
  return {
    round: 1,
    backing: 'anonymous-huge',
    region_bytes,
    touched_bytes: region_bytes,
    discard_ms,
    host_huge_bytes: region_bytes,
    resident_bytes: region_bytes,
    resident_after_bytes: 0,
  };
}

export function benchData(lines: Partial<BenchData> = {}): BenchData {
  const plan = makePlan(parseOptions({ sizes: '512MiB,2GiB' }));
  const blocks = plan.blocks.map(({ block, round, cell }) => ({
    block,
    round,
    cell,
    outcome: 'done' as const,
    reason: null,
    console_tail: [],
    started_at_ms: 0,
    duration_ms: 10_000,
    boot_ms: 2000,
    regions: 8,
    fill_bytes: 470 * MIB,
    rest_fill_bytes: 470 * MIB,
    guest_kernel: '6.12.0-test',
    resident_bytes: 4 * GIB,
    host_huge_bytes: 4 * GIB,
    vmm_path: '/usr/bin/qemu',
    vmm_command: ['qemu'],
  }));
  return {
    manifest: {
      schema_version: 1,
      status: 'complete',
      versions: {
        hotplane: '0.0.0',
        node: 'v24',
        vmm: 'QEMU 0',
        guest_kernel: '6.12.0-test',
        compiler: 'cc',
      },
      host: {
        kernel: '6.1',
        cpu: 'test',
        cores: 2,
        memory_bytes: 24 * GIB,
        huge_pages: 'madvise',
        load_before: 0,
      },
      provenance: {
        commit: null,
        is_dirty: null,
        vmm_binary: null,
        host: hostProvenance(),
      },
      kernels: [],
      rootfs_key: 'rootfs',
      accelerator: 'tcg',
      vcpus: 2,
      boot_bytes: GIB,
      vm_memory_bytes: 9 * GIB,
      command: ['hotplane', 'bench', 'reclaim'],
      plan,
      started_at: '2026-01-01T00:00:00.000Z',
      duration_ms: 60_000,
    },
    ...noLines(),
    blocks,
    ...lines,
  };
}
