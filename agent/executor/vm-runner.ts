/**
 * One function VM at work: performs the core's actions on the VMM and the guest and tells what came
 * of each. No method throws for what a VM can do; everything comes back as an event.
 */
import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Hypervisor, Vm, VmObservation } from '../../hypervisor-client/vm.ts';
import type { MemoryStep, Operation, Report } from '../model/records.ts';
import type { HostEvent } from '../model/events.ts';
import type { OperationOrder } from '../model/operations.ts';
import { REFUSALS, type Refusal } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { guestClosed } from '../../guest/protocol/errors.ts';
import { type GuestStats, regionAddress } from '../../guest/protocol/protocol.ts';
import { isBug } from '../observe/fail-stop.ts';
import { CpuYield } from '../pressure/cpu-yield.ts';
import { agentError } from '../model/errors.ts';
import { errorOf, refusalOf } from '../model/failure.ts';
import { instanceNetwork, type VmNetwork } from '../model/network.ts';
import { GrowthLink } from './growth-link.ts';
import type { GuestLink } from './guest-link.ts';
import { GuestWatch } from './guest-watch.ts';
import type { HeldPayloads } from './held-payloads.ts';
import type { InstanceLogs } from '../observe/instance-logs.ts';
import type { PageBook } from '../observe/page-book.ts';
import type { HostNetwork, PlannedNic } from './host-network.ts';
import type { GuestImages } from './images.ts';
import { InstanceWork } from './instance-work.ts';
import { type Drift, Drifts } from '../observe/drift.ts';
import { MemoryObserver } from '../observe/observations.ts';
import { SpanLink } from './span-link.ts';
import type { ToldNetwork } from './program-start.ts';
import { errOf, type RepeatLog } from './repeat-log.ts';
import { Resizes } from './resizes.ts';
import { type Booted, bootVm, type LeftVm } from './vm-boot.ts';
import { giveZeroWord, takeZeroWord } from './zero-word.ts';

export interface RunnerDeps {
  readonly clock: Clock;
  readonly hypervisor: Hypervisor;
  readonly images: GuestImages;
  readonly log: Logger;
  readonly told: RepeatLog;
  /** The VM itself, where an earlier agent left it running. */
  readonly left: LeftVm | null;
  /** Folder of this VM: sockets, console, handle. */
  readonly run_dir: string;
  /** Its addresses, as the state has them; null: it has no network. */
  readonly networkOf: () => VmNetwork | null;
  /** Who makes its network device; absent: nobody can. */
  readonly network: HostNetwork | null;
  readonly emit: (event: HostEvent) => void;
  readonly payloads: HeldPayloads;
  readonly logs: InstanceLogs;
  readonly publishOperation: (operation: Operation) => void;
  readonly publishMemory: (step: MemoryStep) => void;
  readonly publishReport: (report: Report) => void;
  /** Whether anybody gets memory steps: what nobody gets is not looked for. */
  readonly isWatched: () => boolean;
  readonly committedBytes: () => number;
  /** Where what guests tell of their pages is summed. */
  readonly pages: PageBook;
  /** Guests clear what was just plugged, whatever the driver says of it; absent: as it says. */
  readonly clear_plugged?: boolean;
  /** What is plugged has its pages of the host at once, where the driver can; absent: not. */
  readonly populate_plugged?: boolean;
  /** A fault of the agent itself, met while working for this VM. */
  readonly onBug: (error: unknown, during: unknown) => void;
}

export class VmRunner {
  readonly memory: MemoryObserver;
  readonly growth: GrowthLink;
  readonly spans: SpanLink;
  readonly instances: InstanceWork;
  readonly watch: GuestWatch;
  readonly drifts = new Drifts();
  readonly #vm_id: string;
  readonly #spec: FunctionSpec;
  readonly #deps: RunnerDeps;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #resizes: Resizes;
  #vm: Vm | null = null;
  #cpu: CpuYield | null = null;
  #guest: GuestLink | null = null;
  #pci = new Map<string, string>();
  #booting: Promise<void> = Promise.resolve();
  #failed = false;
  /** When the VMM last told figures; null: never. */
  vmm_answered_at_ms: number | null = null;

  constructor(vm_id: string, spec: FunctionSpec, deps: RunnerDeps) {
    this.#vm_id = vm_id;
    this.#spec = spec;
    this.#deps = deps;
    this.#log = deps.log.child({ vm: vm_id, function: spec.name });
    this.growth = new GrowthLink({ ...deps, vm_id, log: this.#log, memoryOf: () => this.memory });
    this.spans = new SpanLink({
      ...deps,
      vm_id,
      pciOf: (region_id) => this.pciOf(region_id),
      tell: (kind, fields, text) => this.#tell('warn', kind, fields, text),
    });
    this.memory = new MemoryObserver({
      clock: deps.clock,
      spec,
      vm_id,
      committedBytes: deps.committedBytes,
      observe: () => this.observe(),
      publish: deps.publishMemory,
      isWatched: deps.isWatched,
    });
    const about = {
      clock: deps.clock,
      log: this.#log,
      memory: this.memory,
      signal: this.#stopping.signal,
    };
    this.watch = new GuestWatch({
      ...about,
      onHealth: (responsive) => deps.emit({ type: 'vm-health', vm_id, responsive }),
      onPages: (pages, told_at_ms) => deps.pages.tell(spec.name, vm_id, pages, told_at_ms),
      tell: (kind, fields, text) => this.#tell('warn', kind, fields, text),
      onBug: (error) => deps.onBug(error, { vm: vm_id }),
    });
    this.#resizes = new Resizes({
      ...about,
      vm_id,
      vmOf: () => this.#vm,
      pciOf: (region_id) => this.pciOf(region_id),
      figuresOf: async (ask) => await this.watch.figures(ask),
      isWatched: deps.isWatched,
      tell: (kind, fields, text) => this.#tell('error', kind, fields, text),
      emit: deps.emit,
      publish: deps.publishOperation,
    });
    this.instances = new InstanceWork({
      vm_id,
      spec,
      payloads: deps.payloads,
      emit: deps.emit,
      guestOf: () => this.#guest,
      pciOf: (region_id) => this.pciOf(region_id),
      beforeAnswer: () => this.spans.flush(),
      networkOf: (region_index) => this.#toldNetwork(region_index),
      onStarted: (operation_id, stamps) => this.#resizes.started(operation_id, stamps),
      tell: (kind, fields, text) => this.#tell('error', kind, fields, text),
    });
  }

  launch(): void {
    this.#booting = this.#boot().catch((error: unknown) => this.#fail(error));
  }

  /** Takes up a VM that an earlier agent left. */
  adopt(): void {
    this.#booting = this.#takeUp().catch((error: unknown) => this.#fail(error));
  }

  async #takeUp(): Promise<void> {
    const { vm_id, deps } = { vm_id: this.#vm_id, deps: this.#deps };
    if (!deps.left) throw endedUnseen(vm_id);
    const { guest } = await this.#connect();
    await takeZeroWord(this.#wordFor(guest));
    const instances = await guest.list();
    this.#log.info('took up a VM of an earlier agent');
    deps.emit({ type: 'vm-adopted', vm_id, instances, spans: this.spans.take() });
  }

  async #boot(): Promise<void> {
    const { vm_id, deps } = { vm_id: this.#vm_id, deps: this.#deps };
    const { guest, regions, launched_at_ms, facts } = await this.#connect();
    await giveZeroWord(this.#wordFor(guest), facts);
    const devices = regions.map(({ device_id }) => device_id);
    this.spans.take();
    deps.emit({ type: 'vm-ready', vm_id, launched_at_ms, devices, facts });
  }

  #wordFor(guest: GuestLink): Parameters<typeof takeZeroWord>[0] {
    const { clear_plugged = false } = this.#deps;
    assert(this.#vm, 'a guest that said hello has a VM');
    return { guest, vm: this.#vm, spec: this.#spec, clear_plugged, log: this.#log };
  }

  /** To a guest that said hello, and whose figures and health are looked at from now on. */
  async #connect(): Promise<Booted> {
    const [deps, spec, vm_id] = [this.#deps, this.#spec, this.#vm_id];
    const booted = await bootVm({
      ...deps,
      vm_id,
      spec,
      signal: this.#stopping.signal,
      planNic: async () => await this.#planNic(),
      onVm: (vm) => {
        this.#vm = vm;
        this.#tellPopulated(vm);
        this.#cpu = new CpuYield({
          vmm: vm.handle,
          clock: deps.clock,
          onFailure: (why) => this.#tell('warn', 'yield', { why }, 'its VMM cannot yield the CPU'),
        });
        this.memory.look().catch((error: unknown) => deps.onBug(error, { look: vm_id }));
      },
      onExit: ({ instance, reason, status, signal, ran }) => {
        const how = { reason, status, signal };
        const text = 'an instance ended by itself';
        this.#tell('warn', `exit ${reason}`, { instance, ...how }, text);
        const about = {
          vm_id,
          instance_id: instance,
          ...how,
          ...(ran === undefined ? {} : { ran }),
        };
        const event = { type: 'instance-exited', ...about } as const;
        this.instances.tellEnd(instance, () => deps.emit(event));
      },
      onMemory: (event) => this.growth.hear(event),
      onPrepared: (event) => this.growth.hearPrepared(event),
      onSpan: (event) => this.spans.hear(event),
      onLog: (written) => deps.logs.add(spec.name, written),
      onBroken: (error) => this.#fail(error),
    });
    this.#guest = booted.guest;
    this.#pci = new Map(booted.regions.map((region) => [region.id, regionAddress(region)]));
    this.growth.open(booted.guest, this.#pci);
    this.spans.open(booted.guest);
    const { ready_ms, facts } = booted;
    const { guest_kernel, vmm, accelerator } = facts;
    this.#log.info({ ready_ms, guest_kernel, vmm, accelerator }, 'the guest said hello');
    this.watch.open(booted.guest, booted.figures);
    return booted;
  }

  /** Asked for, it may be more than a driver can, or an earlier agent had it otherwise. */
  #tellPopulated({ populates_plugged }: Vm): void {
    const { populate_plugged = false } = this.#deps;
    if (!populate_plugged || populates_plugged) return;
    this.#log.warn('what is plugged here gets its pages of the host as they are touched');
  }

  /** Throws HP_AGENT_NO_NETWORK, HP_VMM_TAP. */
  async #planNic(): Promise<PlannedNic | null> {
    const addresses = this.#deps.networkOf();
    if (!addresses) return null;
    const { network } = this.#deps;
    if (!network) throw errorOf(REFUSALS.noNetwork(this.#spec.name, ['this agent makes none']));
    return await network.plan(this.#vm_id, addresses);
  }

  #toldNetwork(region_index: number): ToldNetwork | null {
    const addresses = this.#deps.networkOf();
    const dns = this.#deps.network?.dns ?? [];
    return addresses ? { ...instanceNetwork(addresses, region_index), dns } : null;
  }

  #fail(error: unknown): void {
    if (isBug(error)) return this.#deps.onBug(error, { vm: this.#vm_id });
    if (this.#failed || this.#stopping.signal.aborted) return;
    this.#failed = true;
    const failure = refusalOf(error);
    this.#log.error({ err: failure }, 'the VM cannot be used any more');
    const event = { type: 'vm-failed', vm_id: this.#vm_id, failure } as const;
    this.instances.tellEndOfAll(() => this.#deps.emit(event));
  }

  /** `failure`: why, when nobody asked for it; its folder with the console is then kept. */
  async shutdown(failure: Refusal | null): Promise<void> {
    if (failure && !this.#failed) this.#log.error({ err: errOf(failure) }, 'the VM is ended');
    this.#failed ||= failure !== null;
    this.#stopping.abort();
    this.yieldCpu(false);
    await this.#booting;
    this.growth.close();
    this.spans.close();
    this.#guest?.close();
    this.#resizes.startNothing();
    let reason = '';
    for (let attempt = 1; attempt <= AGENT_LIMITS.vm_shutdown_attempts; attempt += 1) {
      try {
        if (this.#vm) await this.#vm.shutdown();
        else await this.#deps.left?.end();
        if (this.#spec.network) await this.#deps.network?.close(this.#vm_id);
        this.memory.close();
        this.#deps.pages.forget(this.#spec.name, this.#vm_id);
        await this.#clearFolder();
        this.#log.info('the VM is gone');
        return this.#deps.emit({ type: 'vm-gone', vm_id: this.#vm_id });
      } catch (error) {
        if (isBug(error)) throw error;
        reason = refusalOf(error).message;
        this.#log.error({ err: refusalOf(error), attempt }, 'the VM could not be shut down');
      }
    }
    this.#deps.emit({ type: 'vm-undead', vm_id: this.#vm_id, reason });
  }

  /** Leaves the VM running, for another agent to take up. */
  async release(): Promise<void> {
    this.#stopping.abort();
    this.yieldCpu(false);
    await this.#booting;
    this.#guest?.close();
    this.memory.close();
    await this.#vm?.release();
  }

  #tell(
    level: 'warn' | 'error',
    kind: string,
    fields: Readonly<Record<string, unknown>>,
    text: string,
  ): void {
    const log = this.#log;
    this.#deps.told.tell(`${this.#vm_id} ${kind}`, { log, level, fields, text });
  }

  /** After a failure the console stays for the reader. */
  async #clearFolder(): Promise<void> {
    if (!this.#failed) await rm(this.#deps.run_dir, { recursive: true, force: true });
  }

  #tellDrift({ message }: Drift): void {
    const code = 'HP_AGENT_REGION_DRIFT';
    const [vm_id, name] = [this.#vm_id, this.#spec.name];
    const at_ms = this.#deps.clock.nowMs();
    this.#deps.publishReport({ at_ms, level: 'warn', code, function: name, vm_id, message });
    this.#log.warn({ err: { code } }, message);
  }

  async observe(): Promise<VmObservation> {
    if (!this.#vm) throw guestClosed(this.#vm_id, 'it is not running.');
    const seen = await this.#vm.observe();
    this.vmm_answered_at_ms = seen.observed_at_ms;
    for (const drift of this.drifts.look(seen.observed_at_ms, seen.regions, this.memory.stats)) {
      this.#tellDrift(drift);
    }
    return seen;
  }

  /** Whether there is a VMM, and a guest that said hello, to be asked. */
  get present(): { readonly vmm: boolean; readonly guest: boolean } {
    return { vmm: this.#vm !== null, guest: this.#guest !== null };
  }

  /** The host's word of the VMM process, which needs no answer of it; null when it is not there. */
  residentBytes(): number | null {
    try {
      return this.#vm?.residentBytes() ?? null;
    } catch (error) {
      if (isBug(error)) throw error;
      return null;
    }
  }

  get guest_answered_at_ms(): number | null {
    return this.watch.answered_at_ms;
  }

  async stats(): Promise<GuestStats | null> {
    return await this.watch.stats();
  }

  /** A memory step; the guest's own figures in it are at most a little older than a second. */
  async look(): Promise<void> {
    const looked = this.memory.look();
    await this.watch.refresh();
    await looked;
  }

  /** What the guest calls a region, empty while the VM boots. */
  pciOf(region_id: string): string {
    return this.#pci.get(region_id) ?? '';
  }

  async endSteps(order: OperationOrder, reason: string): Promise<void> {
    await this.#resizes.endSteps(order, reason);
  }

  /** From now on its VMM runs behind all else on the host, or as others do. */
  yieldCpu(yields: boolean): void {
    this.#cpu?.set(yields);
  }

  cutShrink(operation_id: string): void {
    this.#resizes.cutShrink(operation_id);
  }

  async resize(order: OperationOrder): Promise<void> {
    await this.#resizes.resize(order);
  }
}

function endedUnseen(vm_id: string): HotplaneError {
  return agentError('HP_AGENT_VM_ENDED', `VM ${vm_id} ended while no agent was there.`);
}
