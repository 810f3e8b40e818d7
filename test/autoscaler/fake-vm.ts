/** A VM of the agent in this process, and what Status tells of it. */
import type { FunctionSpec, FunctionStatus } from '../../autoscaler/replay/agent-api.ts';

export interface FakeInstance {
  readonly id: string;
  readonly region: number;
  idle: boolean;
  /** Changes with every use, so that an old keep-alive timer knows it is not meant any more. */
  use: number;
}

export interface FakeVm {
  readonly spec: FunctionSpec;
  readonly vm_id: string;
  readonly plugged: number[];
  readonly resident: number[];
  readonly instances: FakeInstance[];
  readonly queue: ((instance: FakeInstance) => void)[];
  starting: number;
  started: number;
  stopping: number;
}

const UNBOUND = { host_node: null, nodes: [], used_bytes: null };
const PLAIN = { drift_bytes: null, span: null, address: null, ...UNBOUND };

const UNSET = { targets: null, reclaim: null, spans: null, pages: null, memory: null };

export function statusOf(vm: FakeVm): FunctionStatus {
  return {
    ...UNSET,
    function: vm.spec,
    vm_id: vm.vm_id,
    vm_state: 'running',
    rungs: [],
    instances_starting: vm.starting,
    instances_busy: vm.instances.filter((one) => !one.idle).length,
    instances_idle: vm.instances.filter((one) => one.idle).length,
    instances_stopping: vm.stopping,
    invocations_queued: vm.queue.length,
    regions: vm.plugged.map((plugged_bytes, index) => ({
      id: `r${index}`,
      vm_id: vm.vm_id,
      pci_address: `00:0${index}.0`,
      instance_id: null,
      max_bytes: vm.spec.limit_bytes,
      requested_bytes: plugged_bytes,
      plugged_bytes,
      guest_plugged_bytes: plugged_bytes,
      resident_bytes: vm.resident[index] ?? 0,
      permit_bytes: plugged_bytes,
      ...PLAIN,
    })),
    vm_resident_bytes: 0,
    pages_migrated: 0,
    permits_bytes: 0,
    guest_plugged_bytes: 0,
    boot_bytes: vm.spec.boot_bytes,
    oom_kills: 0,
    shared_bytes: null,
    tmp_bytes: null,
    kernel_bytes: null,
    instances_started: vm.started,
    unanswered: [],
    vmm_answered_at_ms: 1,
    guest_answered_at_ms: 1,
    last_failure: null,
    vms: [],
  };
}

/** What is known of a VM whose guest did not answer in time. */
export function silentOf(status: FunctionStatus): FunctionStatus {
  return {
    ...status,
    pages_migrated: null,
    oom_kills: null,
    guest_plugged_bytes: null,
    regions: status.regions.map((region) => ({ ...region, guest_plugged_bytes: null })),
    unanswered: ['guest'],
  };
}
