/** How what the core asks of VMs and instances can end on a host of a test, as events. */
import { MIB } from '../../../base/units.ts';
import type { Action } from '../../../agent/model/actions.ts';
import type { HostEvent, StartStamps } from '../../../agent/model/events.ts';
import type { Refusal } from '../../../agent/model/refusals.ts';

export const FAULTS = [
  'none',
  'refuse',
  'stall',
  'partial',
  'fail',
  'vm-dies',
  'instance-exits',
  'undead',
  'ends-before',
] as const;
export type Fault = (typeof FAULTS)[number];

export function refusalFor(fault: Fault): Refusal {
  const code = `HP_TEST_${fault.toUpperCase()}`;
  return { code, category: 'failure', message: fault, next: '', details: {} };
}

const startedAt = (now_ms: number): StartStamps => ({
  created_at_ms: now_ms,
  sandbox_at_ms: now_ms,
  attached_at_ms: now_ms,
  ready_at_ms: now_ms,
});

/**
 * `devices`: that of each region, where they are no devices of their own. `series_revision`: of its
 * guest kernel; not told by default.
 */
export function readyEvent(
  vm_id: string,
  launched_at_ms: number,
  devices: readonly string[],
  series_revision = '',
): HostEvent {
  const facts = {
    guest_kernel: '6.12',
    vmm: 'fake',
    accelerator: 'tcg',
    vmm_path: '',
    vmm_pid: 1,
    vmm_command: [],
    kernel_variant: '',
    kernel_key: '',
    series_revision,
    rootfs_key: '',
  };
  return { type: 'vm-ready', vm_id, launched_at_ms, devices, facts };
}

type InstanceAction = Exclude<
  Extract<Action, { instance_id: string; vm_id: string }>,
  { type: 'deny-growth' | 'open-span' | 'refuse-span' }
>;

export function instanceOutcome(action: InstanceAction, fault: Fault, now_ms: number): HostEvent[] {
  const { vm_id, instance_id } = action;
  const about = { vm_id, instance_id };
  const failure = refusalFor(fault);
  if (action.type === 'start-instance') {
    if (fault !== 'none') return [{ type: 'instance-start-failed', ...about, failure }];
    return [{ type: 'instance-started', ...about, stamps: startedAt(now_ms) }];
  }
  if (action.type === 'stop-instance') {
    if (fault !== 'none') return [{ type: 'instance-stop-failed', ...about, reason: fault }];
    return [{ type: 'instance-stopped', ...about, gone_at_ms: now_ms }];
  }
  const { request_id } = action;
  const failed: HostEvent = { type: 'invocation-failed', ...about, request_id, failure };
  if (fault === 'instance-exits') {
    const how = { reason: 'oom', status: null, signal: 9 } as const;
    return [{ type: 'instance-exited', ...about, ...how }, failed];
  }
  if (fault === 'ends-before') {
    const how = { reason: 'exited', status: 0, signal: null, ran: null } as const;
    return [{ type: 'instance-exited', ...about, ...how }, failed];
  }
  if (fault !== 'none') return [failed];
  const result = {
    first_byte_at_ms: now_ms,
    finished_at_ms: now_ms,
    guest_wall_ms: 1,
    guest_cpu_ms: 1,
    guest_touch_cpu_ms: 0.5,
    anonymous_bytes: MIB,
    minor_faults: 1,
    function_error: null,
  };
  return [{ type: 'invocation-finished', ...about, request_id, result }];
}
