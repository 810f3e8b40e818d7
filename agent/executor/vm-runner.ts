/**
 * One function VM at work: performs the core's actions on the VMM and the guest and tells what came
 * of each. No method throws for what a VM can do; everything comes back as an event.
 */
import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Hypervisor, Vm, VmObservation } from '../../hypervisor-client/vm.ts';
import type { MemoryStep, Operation } from '../model/records.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import type { OperationOrder } from '../model/operations.ts';
import type { Refusal } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { guestClosed } from '../../guest/protocol/errors.ts';
import { type GuestStats, regionAddress } from '../../guest/protocol/protocol.ts';
import { guestNodeOf, MECHANISMS } from '../model/mechanism.ts';
import { isBug } from '../observe/fail-stop.ts';
import { agentError } from '../model/errors.ts';
import { refusalOf } from '../model/failure.ts';
import type { Figures, GuestFigures } from '../observe/guest-figures.ts';
import { GrowthLink } from './growth-link.ts';
import type { GuestLink } from './guest-link.ts';
import type { HeldPayloads } from './held-payloads.ts';
import type { InstanceLogs } from '../observe/instance-logs.ts';
import type { GuestImages } from './images.ts';
import { watchHealth } from '../observe/health.ts';
import { MemoryObserver } from '../observe/observations.ts';
import { errOf, type RepeatLog } from './repeat-log.ts';
import { Resizes } from './resizes.ts';
import { type Booted, bootVm, type LeftVm } from './vm-boot.ts';

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
  readonly emit: (event: HostEvent) => void;
  readonly payloads: HeldPayloads;
  readonly logs: InstanceLogs;
  readonly publishOperation: (operation: Operation) => void;
  readonly publishMemory: (step: MemoryStep) => void;
  /** Whether anybody gets memory steps: what nobody gets is not looked for. */
  readonly isWatched: () => boolean;
  readonly committedBytes: () => number;
  /** A fault of the agent itself, met while working for this VM. */
  readonly onBug: (error: unknown, during: unknown) => void;
}

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

export class VmRunner {
  readonly memory: MemoryObserver;
  readonly growth: GrowthLink;
  readonly #vm_id: string;
  readonly #spec: FunctionSpec;
  readonly #deps: RunnerDeps;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  readonly #resizes: Resizes;
  #vm: Vm | null = null;
  #guest: GuestLink | null = null;
  #figures: GuestFigures | null = null;
  #pci = new Map<string, string>();
  #booting: Promise<void> = Promise.resolve();
  #failed = false;
  #responsive = true;
  /** When VMM and guest last told figures; null: never. */
  vmm_answered_at_ms: number | null = null;
  guest_answered_at_ms: number | null = null;
  /** When the guest was last asked for its figures by the clock, not by an operation. */
  #asked_at_ms = Number.NEGATIVE_INFINITY;

  constructor(vm_id: string, spec: FunctionSpec, deps: RunnerDeps) {
    this.#vm_id = vm_id;
    this.#spec = spec;
    this.#deps = deps;
    this.#log = deps.log.child({ vm: vm_id, function: spec.name });
    this.growth = new GrowthLink({ ...deps, vm_id, log: this.#log });
    this.memory = new MemoryObserver({
      clock: deps.clock,
      spec,
      vm_id,
      committedBytes: deps.committedBytes,
      observe: () => this.observe(),
      publish: deps.publishMemory,
      isWatched: deps.isWatched,
    });
    this.#resizes = new Resizes({
      vm_id,
      clock: deps.clock,
      log: this.#log,
      memory: this.memory,
      signal: this.#stopping.signal,
      vmOf: () => this.#vm,
      pciOf: (region_id) => this.pciOf(region_id),
      figuresOf: async (ask) => await this.#figuresOf(ask),
      isWatched: deps.isWatched,
      tell: (kind, fields, text) => this.#tell('error', kind, fields, text),
      emit: deps.emit,
      publish: deps.publishOperation,
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
    const instances = await guest.list();
    this.#log.info('took up a VM of an earlier agent');
    deps.emit({ type: 'vm-adopted', vm_id, instances });
  }

  async #boot(): Promise<void> {
    const { vm_id, deps } = { vm_id: this.#vm_id, deps: this.#deps };
    const { regions, launched_at_ms, facts } = await this.#connect();
    const devices = regions.map(({ device_id }) => device_id);
    deps.emit({ type: 'vm-ready', vm_id, launched_at_ms, devices, facts });
  }

  /** To a guest that said hello, and whose figures and health are looked at from now on. */
  async #connect(): Promise<Booted> {
    const [deps, spec, vm_id] = [this.#deps, this.#spec, this.#vm_id];
    const booted = await bootVm({
      ...deps,
      vm_id,
      spec,
      signal: this.#stopping.signal,
      onVm: (vm) => {
        this.#vm = vm;
        this.memory.look().catch((error: unknown) => deps.onBug(error, { look: vm_id }));
      },
      onExit: ({ instance, reason, status, signal }) => {
        const how = { reason, status, signal };
        const text = 'an instance ended by itself';
        this.#tell('warn', `exit ${reason}`, { instance, ...how }, text);
        deps.emit({ type: 'instance-exited', vm_id, instance_id: instance, ...how });
      },
      onMemory: (event) => this.growth.hear(event),
      onLog: (written) => deps.logs.add(spec.name, written),
      onBroken: (error) => this.#fail(error),
    });
    this.#guest = booted.guest;
    this.#pci = new Map(booted.regions.map((region) => [region.id, regionAddress(region)]));
    this.growth.open(booted.guest, this.#pci);
    this.#figures = booted.figures;
    this.memory.stats = booted.figures.known;
    const { ready_ms, facts } = booted;
    const { guest_kernel, vmm, accelerator } = facts;
    this.#log.info({ ready_ms, guest_kernel, vmm, accelerator }, 'the guest said hello');
    this.guest_answered_at_ms = deps.clock.nowMs();
    this.#watchHealth(booted.guest).catch((error: unknown) => deps.onBug(error, { vm: vm_id }));
    return booted;
  }

  async #watchHealth(guest: GuestLink): Promise<void> {
    const { clock, emit } = this.#deps;
    const vm_id = this.#vm_id;
    const answered = (): number => this.guest_answered_at_ms ?? clock.nowMs();
    await watchHealth({
      clock,
      signal: this.#stopping.signal,
      ping: async () => {
        await guest.ping();
        this.guest_answered_at_ms = clock.nowMs();
      },
      answeredAtMs: answered,
      onChange: (responsive) => {
        this.#responsive = responsive;
        const silent_ms = Math.round(clock.nowMs() - answered());
        if (responsive) this.#log.warn('the guest answers again');
        else this.#log.error({ silent_ms }, 'the guest does not answer');
        emit({ type: 'vm-health', vm_id, responsive });
      },
    });
  }

  #fail(error: unknown): void {
    if (isBug(error)) return this.#deps.onBug(error, { vm: this.#vm_id });
    if (this.#failed || this.#stopping.signal.aborted) return;
    this.#failed = true;
    const failure = refusalOf(error);
    this.#log.error({ err: failure }, 'the VM cannot be used any more');
    this.#deps.emit({ type: 'vm-failed', vm_id: this.#vm_id, failure });
  }

  /** `failure`: why, when nobody asked for it; its folder with the console is then kept. */
  async shutdown(failure: Refusal | null): Promise<void> {
    if (failure && !this.#failed) this.#log.error({ err: errOf(failure) }, 'the VM is ended');
    this.#failed ||= failure !== null;
    this.#stopping.abort();
    await this.#booting;
    this.growth.close();
    this.#guest?.close();
    this.#resizes.startNothing();
    let reason = '';
    for (let attempt = 1; attempt <= AGENT_LIMITS.vm_shutdown_attempts; attempt += 1) {
      try {
        if (this.#vm) await this.#vm.shutdown();
        else await this.#deps.left?.end();
        this.memory.close();
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

  async observe(): Promise<VmObservation> {
    if (!this.#vm) throw guestClosed(this.#vm_id, 'it is not running.');
    const seen = await this.#vm.observe();
    this.vmm_answered_at_ms = seen.observed_at_ms;
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

  /** Fresh statistics of the whole guest, or null with a log line when it does not give them. */
  async stats(selection: 'all' | 'partitions' = 'all'): Promise<GuestStats | null> {
    return (await this.#figuresOf((figures) => figures.many(selection)))?.stats ?? null;
  }

  async #figuresOf(ask: (figures: GuestFigures) => Promise<Figures>): Promise<Figures | null> {
    // A guest that does not answer is asked by its pings only.
    if (!this.#figures || !this.#responsive) return null;
    try {
      const figures = await ask(this.#figures);
      this.memory.stats = this.#figures.known;
      this.guest_answered_at_ms = this.#deps.clock.nowMs();
      return figures;
    } catch (error) {
      if (isBug(error)) throw error;
      // Old figures are not told as new ones.
      this.memory.stats = null;
      if (!this.#isOver()) {
        const fields = { err: errOf(refusalOf(error)) };
        this.#tell('warn', 'stats', fields, 'no statistics from the guest');
      }
      return null;
    }
  }

  /** A memory step; the guest's own figures in it are at most a little older than a second. */
  async look(): Promise<void> {
    const looked = this.memory.look();
    const age_ms = this.#deps.clock.nowMs() - this.#asked_at_ms;
    if (this.#guest && !this.#isOver() && age_ms >= AGENT_LIMITS.guest_stats_interval_ms) {
      this.#asked_at_ms = this.#deps.clock.nowMs();
      await this.stats('partitions');
    }
    await looked;
  }

  /** What the guest calls a region, empty while the VM boots. */
  pciOf(region_id: string): string {
    return this.#pci.get(region_id) ?? '';
  }

  async resize(order: OperationOrder): Promise<void> {
    await this.#resizes.resize(order);
  }

  async start(action: ActionOf<'start-instance'>): Promise<void> {
    const { vm_id, instance_id, region_id, region_index, operation_id } = action;
    const guest_node = guestNodeOf(MECHANISMS.get(this.#spec.mechanism), region_index) ?? -1;
    const region = { pci_address: this.pciOf(region_id), guest_node };
    try {
      if (!this.#guest) throw guestClosed(vm_id, 'it has not said hello.');
      const stamps = await this.#guest.start(this.#spec, instance_id, region);
      if (operation_id) this.#resizes.started(operation_id, stamps);
      this.#deps.emit({ type: 'instance-started', vm_id, instance_id, stamps });
    } catch (error) {
      if (operation_id) this.#resizes.started(operation_id, null);
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      const failure = refusalOf(error);
      const fields = { instance: instance_id, err: errOf(failure) };
      this.#tell('error', `start ${failure.code}`, fields, 'an instance did not start');
      this.#deps.emit({ type: 'instance-start-failed', vm_id, instance_id, failure });
    }
  }

  /**
   * The channel ended: `vm-failed` follows with the true cause and answers everything at once, so
   * single requests that broke with it are not told one by one.
   */
  #isOver(): boolean {
    return this.#guest?.isOver === true;
  }

  async invoke(action: ActionOf<'invoke-instance'>): Promise<void> {
    const { vm_id, instance_id, request_id } = action;
    const about = { vm_id, instance_id, request_id };
    try {
      if (!this.#guest) throw guestClosed(vm_id, 'it has not said hello.');
      const call = this.#deps.payloads.callOf(request_id);
      const { result, answer } = await this.#guest.invoke(instance_id, call, action);
      this.#deps.payloads.answer(request_id, answer);
      this.#deps.emit({ type: 'invocation-finished', ...about, result });
    } catch (error) {
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      this.#deps.emit({ type: 'invocation-failed', ...about, failure: refusalOf(error) });
    }
  }

  /** For the answer to what an earlier agent asked of the instance. */
  async resume(action: ActionOf<'await-invocation'>): Promise<void> {
    const { vm_id, instance_id, request_id } = action;
    const about = { vm_id, instance_id, request_id };
    try {
      if (!this.#guest) throw guestClosed(vm_id, 'it has not said hello.');
      const { result } = await this.#guest.resume(instance_id, action);
      this.#deps.emit({ type: 'invocation-finished', ...about, result });
    } catch (error) {
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      this.#deps.emit({ type: 'invocation-failed', ...about, failure: refusalOf(error) });
    }
  }

  async stop(action: ActionOf<'stop-instance'>): Promise<void> {
    const { vm_id, instance_id } = action;
    try {
      if (!this.#guest) throw guestClosed(vm_id, 'it has not said hello.');
      const gone_at_ms = await this.#guest.stop(instance_id);
      this.#deps.emit({ type: 'instance-stopped', vm_id, instance_id, gone_at_ms });
    } catch (error) {
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      const reason = refusalOf(error).message;
      const fields = { instance: instance_id, err: errOf(refusalOf(error)) };
      this.#tell('error', 'stop', fields, 'an instance did not stop');
      this.#deps.emit({ type: 'instance-stop-failed', vm_id, instance_id, reason });
    }
  }
}

function endedUnseen(vm_id: string): HotplaneError {
  return agentError('HP_AGENT_VM_ENDED', `VM ${vm_id} ended while no agent was there.`);
}
