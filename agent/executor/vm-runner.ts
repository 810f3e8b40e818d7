/**
 * One function VM at work: performs the core's actions on the VMM and the guest and tells what came
 * of each. No method throws for what a VM can do; everything comes back as an event.
 */
import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Hypervisor, ResizeResult, Vm, VmObservation } from '../../hypervisor-client/vm.ts';
import type { MemoryStep, Operation } from '../model/records.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent, StartStamps } from '../model/events.ts';
import type { OperationOrder } from '../model/operations.ts';
import type { Refusal } from '../model/refusals.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { guestClosed } from '../../guest/protocol/errors.ts';
import { type GuestStats, regionAddress } from '../../guest/protocol/protocol.ts';
import { guestNodeOf, MECHANISMS } from '../model/mechanism.ts';
import { isBug } from '../observe/fail-stop.ts';
import { refusalOf } from '../model/failure.ts';
import type { Figures, GuestFigures } from '../observe/guest-figures.ts';
import { GrowthLink } from './growth-link.ts';
import type { GuestLink } from './guest-link.ts';
import type { HeldPayloads } from './held-payloads.ts';
import type { GuestImages } from './images.ts';
import { watchHealth } from '../observe/health.ts';
import { MemoryObserver } from '../observe/observations.ts';
import { brokenResize, operationRecord, outcomeOf } from '../observe/operation-record.ts';
import { errOf, type RepeatLog } from './repeat-log.ts';
import { bootVm } from './vm-boot.ts';

export interface RunnerDeps {
  readonly clock: Clock;
  readonly hypervisor: Hypervisor;
  readonly images: GuestImages;
  readonly log: Logger;
  readonly told: RepeatLog;
  /** Folder of this VM: sockets, console, handle. */
  readonly run_dir: string;
  readonly emit: (event: HostEvent) => void;
  readonly payloads: HeldPayloads;
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
  readonly #starts = new Map<string, PromiseWithResolvers<StartStamps | null>>();
  /** The last operation sent for each region: an older one's figures may be of two. */
  readonly #latest = new Map<string, string>();
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
  }

  launch(): void {
    this.#booting = this.#boot().catch((error: unknown) => this.#fail(error));
  }

  async #boot(): Promise<void> {
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
      onBroken: (error) => this.#fail(error),
    });
    this.#guest = booted.guest;
    this.#pci = new Map(booted.regions.map((region) => [region.id, regionAddress(region)]));
    this.growth.open(booted.guest, this.#pci);
    this.#figures = booted.figures;
    this.memory.stats = booted.figures.known;
    const { launched_at_ms, ready_ms, facts } = booted;
    const { guest_kernel, vmm, accelerator } = facts;
    this.#log.info({ ready_ms, guest_kernel, vmm, accelerator }, 'the guest said hello');
    this.guest_answered_at_ms = deps.clock.nowMs();
    this.#watchHealth(booted.guest).catch((error: unknown) => deps.onBug(error, { vm: vm_id }));
    const devices = booted.regions.map(({ device_id }) => device_id);
    deps.emit({ type: 'vm-ready', vm_id, launched_at_ms, devices, facts });
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
    for (const [id] of this.#starts) this.#startSettled(id, null);
    let reason = '';
    for (let attempt = 1; attempt <= AGENT_LIMITS.vm_shutdown_attempts; attempt += 1) {
      try {
        await this.#vm?.shutdown();
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
    const { clock, emit } = this.#deps;
    this.#latest.set(order.region_id, order.id);
    const start = order.cause === 'start' ? Promise.withResolvers<StartStamps | null>() : null;
    if (start) this.#starts.set(order.id, start);
    // Asked first, so that the guest sees it first; but no resize waits for what a guest says.
    const before = this.#figuresOf((figures) => figures.counters());
    this.memory.note();
    const known = this.memory.last?.regions.find(({ id }) => id === order.region_id);
    const result = await this.#callResize(order).catch((error: unknown) => {
      if (isBug(error)) throw error;
      const failure = refusalOf(error);
      return brokenResize(order, known?.plugged_bytes ?? order.from_bytes, clock.nowMs(), failure);
    });
    if (result.outcome !== 'failed') this.memory.learn(result);
    emit({
      type: 'resized',
      vm_id: this.#vm_id,
      operation_id: order.id,
      result: outcomeOf(result),
    });
    this.memory.note();
    await this.#record(order, result, await before, start ? await start.promise : null);
  }

  async #callResize(order: OperationOrder): Promise<ResizeResult> {
    if (!this.#vm) throw guestClosed(this.#vm_id, 'it is not running.');
    const deadline_ms = order.kind === 'plug' ? LIMITS.plug_ms : LIMITS.unplug_ms;
    const options = { deadline_ms, signal: this.#stopping.signal };
    return await this.#vm.resizeRegion(order.region_id, order.to_bytes, options);
  }

  async #record(
    order: OperationOrder,
    result: ResizeResult,
    before: Figures | null,
    start: StartStamps | null,
  ): Promise<void> {
    const looked = this.#deps.isWatched() ? this.memory.look() : null;
    const region_pci = this.pciOf(order.region_id);
    const told = this.#stopping.signal.aborted
      ? null
      : await this.#figuresOf((figures) => figures.region(region_pci));
    // Another operation of the same region began meanwhile: these figures are not this one's.
    const after = this.#latest.get(order.region_id) === order.id ? (told?.stats ?? null) : null;
    const parts = { order, result, start, before, after, region_pci };
    const operation = operationRecord(parts);
    await looked;
    this.#publish(operation);
  }

  #publish(operation: Operation): void {
    const { id, kind, region_id, outcome, error_code, reason } = operation;
    const line = { op: id, kind, region: region_id, outcome };
    if (error_code === null) this.#log.debug(line, 'operation finished');
    else {
      const err = { code: error_code, message: reason };
      this.#tell('error', `operation ${kind} ${error_code}`, { ...line, err }, 'operation');
    }
    this.#deps.publishOperation(operation);
  }

  async start(action: ActionOf<'start-instance'>): Promise<void> {
    const { vm_id, instance_id, region_id, region_index, operation_id } = action;
    const guest_node = guestNodeOf(MECHANISMS.get(this.#spec.mechanism), region_index) ?? -1;
    const region = { pci_address: this.pciOf(region_id), guest_node };
    try {
      if (!this.#guest) throw guestClosed(vm_id, 'it has not said hello.');
      const stamps = await this.#guest.start(this.#spec, instance_id, region);
      if (operation_id) this.#startSettled(operation_id, stamps);
      this.#deps.emit({ type: 'instance-started', vm_id, instance_id, stamps });
    } catch (error) {
      if (operation_id) this.#startSettled(operation_id, null);
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

  #startSettled(operation_id: string, stamps: StartStamps | null): void {
    this.#starts.get(operation_id)?.resolve(stamps);
    this.#starts.delete(operation_id);
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
