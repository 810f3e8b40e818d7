/**
 * An agent in this process with a clock of its own: the interface a replay needs, with instances,
 * regions and memory records that follow the rules of the real one. For tests of the replay only.
 */
import type { Clock } from '../../base/clock.ts';
import type {
  AgentApi,
  AgentRecord,
  AgentCallOptions,
  DeployResponse,
  FunctionSpec,
  InvokeRequest,
  Invoked,
  Decision,
  Operation,
  StatusResponse,
  WatchOptions,
} from '../../autoscaler/replay/agent-api.ts';
import { EMPTY_OPERATION, EMPTY_REPLY } from './empty-messages.ts';
import { workOf } from '../../agent/model/work.ts';
import { NO_STATUS } from '../../agent/model/status-parts.ts';
import { type FakeInstance, type FakeVm, silentOf, statusOf } from './fake-vm.ts';

/** Records for one reader; null ends it. */
class Inbox {
  readonly #pending: (AgentRecord | null)[] = [];
  #wake: (() => void) | null = null;

  readonly tell = (record: AgentRecord | null): void => {
    this.#pending.push(record);
    this.#wake?.();
  };

  async *all(): AsyncIterable<AgentRecord> {
    for (let next = await this.#next(); next; next = await this.#next()) yield next;
  }

  async #next(): Promise<AgentRecord | null> {
    while (this.#pending.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#pending.shift() ?? null;
  }
}

export interface FakeAgentOptions {
  readonly clock: Clock;
  readonly plug_ms: number;
  readonly unplug_ms: number;
  /** Region bytes that stay plugged after every unplug. */
  readonly stuck_bytes?: number;
  readonly refuse?: (function_name: string) => boolean;
  readonly failDeploy?: () => Error | null;
  readonly onInvoke?: (count: number) => void;
  readonly migrates?: number;
  readonly vmm?: string;
  /** Whether guests are silent when Status asks for so many times as it has by then. */
  readonly isSilent?: (asked: number) => boolean;
  /** By default what an emulated call says. */
  readonly wallMs?: (request: InvokeRequest) => number;
}

const emulatedMs = (request: InvokeRequest): number =>
  workOf({ bytes: request.payload })?.wall_ms ?? 0;

export class FakeAgent implements AgentApi {
  readonly deployed: FunctionSpec[] = [];
  readonly removed: string[] = [];
  readonly invoked: InvokeRequest[] = [];
  starts = 0;
  /** How often Status was asked for. */
  asked = 0;
  closed = false;
  #vms = new Map<string, FakeVm>();
  #watchers = new Set<(record: AgentRecord | null) => void>();
  #count = 0;
  readonly #o: FakeAgentOptions;

  constructor(options: FakeAgentOptions) {
    this.#o = options;
  }

  async deploy(spec: FunctionSpec): Promise<DeployResponse> {
    const failure = this.#o.failDeploy?.() ?? null;
    if (failure) throw failure;
    this.deployed.push(spec);
    const requested_at_ms = this.#o.clock.nowMs();
    await this.#o.clock.sleep(500);
    const full = spec.mechanism === 'static' ? spec.limit_bytes : 0;
    const vm: FakeVm = {
      spec,
      vm_id: `vm-${spec.mechanism}-${spec.name}`,
      plugged: Array.from({ length: spec.concurrency }, () => full),
      resident: Array.from({ length: spec.concurrency }, () => full),
      instances: [],
      queue: [],
      starting: 0,
      started: 0,
      stopping: 0,
    };
    this.#vms.set(spec.name, vm);
    this.#tellMemory(vm);
    return {
      vm_id: vm.vm_id,
      requested_at_ms,
      launched_at_ms: requested_at_ms + 100,
      ready_at_ms: this.#o.clock.nowMs(),
      guest_kernel: '6.12.0-fake',
      vmm: this.#o.vmm ?? 'fake 1.0',
      accelerator: 'tcg',
      vmm_path: '/usr/bin/fake-vmm',
      vmm_pid: 1,
      vmm_command: ['fake-vmm', '-name', vm.vm_id],
      kernel_variant: 'hotmem',
      kernel_key: 'cafe',
      series_revision: '5',
      rootfs_key: 'beef',
      revision: 1,
      changed: [],
      replaced_vms: 0,
    };
  }

  async invoke(request: InvokeRequest, options?: AgentCallOptions): Promise<Invoked> {
    const { clock } = this.#o;
    const received_at_ms = clock.nowMs();
    this.invoked.push(request);
    this.#count += 1;
    this.#o.onInvoke?.(this.#count);
    options?.signal?.throwIfAborted();
    const vm = this.#need(request.function);
    const base = {
      ...EMPTY_REPLY,
      answer: null,
      invocation_id: request.invocation_id,
      received_at_ms,
    };
    if (this.#o.refuse?.(request.function)) {
      return { ...base, outcome: 'refused', error_code: 'HP_PERMIT', reason: 'host is full' };
    }
    const found = vm.instances.find((one) => one.idle);
    let instance = found;
    let operation_id = '';
    if (instance) instance.idle = false;
    else if (vm.instances.length + vm.starting + vm.stopping < vm.spec.concurrency) {
      ({ instance, operation_id } = await this.#start(vm));
    } else instance = await new Promise<FakeInstance>((resolve) => void vm.queue.push(resolve));
    const assigned_at_ms = clock.nowMs();
    const wall_ms = this.#o.wallMs?.(request) ?? emulatedMs(request);
    await clock.sleep(wall_ms, options?.signal);
    this.#release(vm, instance);
    return {
      ...base,
      instance_id: instance.id,
      cold: operation_id !== '',
      outcome: 'done',
      assigned_at_ms,
      instance_ready_at_ms: operation_id === '' ? null : assigned_at_ms,
      first_byte_at_ms: assigned_at_ms,
      finished_at_ms: clock.nowMs(),
      guest_wall_ms: wall_ms,
      operation_id: operation_id.startsWith('op') ? operation_id : null,
    };
  }

  async status(): Promise<StatusResponse> {
    this.asked += 1;
    const is_silent = this.#o.isSilent?.(this.asked) ?? false;
    const functions = [...this.#vms.values()].map((vm) => {
      const status = statusOf(vm);
      return is_silent ? silentOf(status) : status;
    });
    return { ...NO_STATUS, functions, version: 'fake', pid: process.pid };
  }

  async remove(name: string): Promise<{ finished_at_ms: number }> {
    this.#need(name);
    this.#vms.delete(name);
    this.removed.push(name);
    return { finished_at_ms: this.#o.clock.nowMs() };
  }

  async watch({ memory_interval_ms, signal }: WatchOptions): Promise<AsyncIterable<AgentRecord>> {
    const records = new Inbox();
    this.#watchers.add(records.tell);
    void this.#lookAtMemory(memory_interval_ms ?? 250, signal);
    signal?.addEventListener('abort', () => records.tell(null));
    return records.all();
  }

  /** No VM goes unseen for longer than was asked for. */
  async #lookAtMemory(interval_ms: number, signal: AbortSignal | undefined): Promise<void> {
    const sleeping = async (): Promise<boolean> =>
      await this.#o.clock.sleep(interval_ms, signal).then(
        () => true,
        () => false,
      );
    while (await sleeping()) for (const vm of this.#vms.values()) this.#tellMemory(vm);
  }

  /** As if the agent had died: every Watch stream ends. */
  endWatch(): void {
    for (const tell of this.#watchers) tell(null);
  }

  close(): void {
    this.closed = true;
  }

  #need(name: string): FakeVm {
    const vm = this.#vms.get(name);
    if (!vm) throw new Error(`no function ${name}`);
    return vm;
  }

  async #start(vm: FakeVm): Promise<{ instance: FakeInstance; operation_id: string }> {
    vm.starting += 1;
    vm.started += 1;
    this.starts += 1;
    const region = vm.plugged.findIndex(
      (_, index) => !vm.instances.some((one) => one.region === index),
    );
    const instance: FakeInstance = {
      id: `${vm.spec.name}-i${this.#count}`,
      region,
      idle: false,
      use: 0,
    };
    const requested_at_ms = this.#o.clock.nowMs();
    vm.instances.push(instance);
    vm.starting -= 1;
    let operation_id = 'static';
    if (vm.spec.mechanism !== 'static') {
      this.#tellDecision(vm);
      await this.#o.clock.sleep(this.#o.plug_ms);
      vm.plugged[region] = vm.spec.limit_bytes;
      vm.resident[region] = Math.floor(vm.spec.limit_bytes * 0.75);
      operation_id = `op-plug-${vm.vm_id}-${instance.id}`;
      this.#tellOperation(vm, instance, 'plug', operation_id, requested_at_ms);
    }
    this.#tellMemory(vm);
    await this.#o.clock.sleep(5);
    return { instance, operation_id };
  }

  #release(vm: FakeVm, instance: FakeInstance): void {
    const waiting = vm.queue.shift();
    if (waiting) return waiting(instance);
    instance.idle = true;
    instance.use += 1;
    const { use } = instance;
    void (async () => {
      await this.#o.clock.sleep(vm.spec.keep_alive_ms);
      if (!instance.idle || instance.use !== use) return;
      vm.instances.splice(vm.instances.indexOf(instance), 1);
      if (vm.spec.mechanism === 'static') return;
      vm.stopping += 1;
      const requested_at_ms = this.#o.clock.nowMs();
      await this.#o.clock.sleep(this.#o.unplug_ms);
      vm.plugged[instance.region] = this.#o.stuck_bytes ?? 0;
      vm.resident[instance.region] = this.#o.stuck_bytes ?? 0;
      vm.stopping -= 1;
      const id = `op-unplug-${vm.vm_id}-${instance.id}`;
      this.#tellOperation(vm, instance, 'unplug', id, requested_at_ms);
      this.#tellMemory(vm);
    })();
  }

  #tellOperation(
    vm: FakeVm,
    instance: FakeInstance,
    kind: Operation['kind'],
    id: string,
    requested_at_ms: number,
  ): void {
    const now_ms = this.#o.clock.nowMs();
    const stuck = kind === 'unplug' && (this.#o.stuck_bytes ?? 0) > 0;
    const operation: Operation = {
      ...EMPTY_OPERATION,
      id,
      kind,
      function: vm.spec.name,
      vm_id: vm.vm_id,
      region_id: `r${instance.region}`,
      instance_id: instance.id,
      mechanism: vm.spec.mechanism,
      outcome: stuck ? 'partial' : 'done',
      before_bytes: kind === 'plug' ? 0 : vm.spec.limit_bytes,
      requested_bytes: kind === 'plug' ? vm.spec.limit_bytes : 0,
      plugged_bytes: vm.plugged[instance.region] ?? 0,
      decided_at_ms: requested_at_ms,
      requested_at_ms,
      accepted_at_ms: requested_at_ms + 1,
      plugged_at_ms: stuck ? null : now_ms,
      resident_at_ms: kind === 'plug' || stuck ? null : now_ms,
      sandbox_at_ms: kind === 'plug' ? requested_at_ms + 2 : null,
      instance_ready_at_ms: kind === 'plug' ? now_ms + 5 : null,
      pages_migrated: kind === 'unplug' ? (this.#o.migrates ?? 0) : 0,
    };
    for (const tell of this.#watchers) tell({ operation });
  }

  /** Of every plug: what a policy would have been asked. */
  #tellDecision(vm: FakeVm): void {
    const decision: Decision = {
      at_ms: this.#o.clock.nowMs(),
      policy: 'fake',
      question: 'scale',
      function: vm.spec.name,
      invocation_id: null,
      vm_id: vm.vm_id,
      region_id: null,
      answer: 'start 1',
      reason: null,
      inputs: { instances: vm.instances.length },
    };
    for (const tell of this.#watchers) tell({ decision });
  }

  #tellMemory(vm: FakeVm): void {
    const { boot_bytes } = vm.spec;
    const memory = {
      at_ms: this.#o.clock.nowMs(),
      function: vm.spec.name,
      vm_id: vm.vm_id,
      committed_bytes: boot_bytes + sum(vm.plugged),
      plugged_bytes: boot_bytes + sum(vm.plugged),
      used_bytes: boot_bytes + vm.instances.length * vm.spec.limit_bytes,
      resident_bytes: boot_bytes / 2 + sum(vm.resident),
      region_resident_bytes: sum(vm.resident),
      region_used_bytes: null,
    };
    for (const tell of this.#watchers) tell({ memory });
  }
}

function sum(list: readonly number[]): number {
  return list.reduce((total, value) => total + value, 0);
}
