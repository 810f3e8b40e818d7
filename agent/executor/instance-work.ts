/** What instances of one VM are asked for through its guest; what came of each is an event. */
import { isHotplaneError } from '../../base/errors.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { GuestLink, GuestPlace } from './guest-link.ts';
import type { ToldNetwork } from './program-start.ts';
import type { HeldPayloads } from './held-payloads.ts';
import type { Action } from '../model/actions.ts';
import type { HostEvent, StartStamps } from '../model/events.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { weightsOf } from '../model/tiers-spec.ts';
import { guestClosed } from '../../guest/protocol/errors.ts';
import { refusalOf } from '../model/failure.ts';
import { guestNodeOf, MECHANISMS } from '../model/mechanism.ts';
import { isBug } from '../observe/fail-stop.ts';
import { errOf } from './repeat-log.ts';

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

export interface InstanceWorkParts {
  readonly vm_id: string;
  readonly spec: FunctionSpec;
  readonly payloads: HeldPayloads;
  readonly emit: (event: HostEvent) => void;
  /** Null while no guest has said hello. */
  readonly guestOf: () => GuestLink | null;
  /** What the guest calls a region. */
  readonly pciOf: (region_id: string) => string;
  /** What the guest said before an answer is told before it. */
  readonly beforeAnswer: () => void;
  /** Of the instance in the region with that index; null: it has none. */
  readonly networkOf: (region_index: number) => ToldNetwork | null;
  /** Told what became of a start that an operation is of; null: nothing. */
  readonly onStarted: (operation_id: string, stamps: StartStamps | null) => void;
  /** A line of the log at level error; repeated ones are one. */
  readonly tell: (kind: string, fields: Readonly<Record<string, unknown>>, text: string) => void;
}

export class InstanceWork {
  readonly #parts: InstanceWorkParts;
  /** Regions of the instances that this agent started. */
  readonly #regions = new Map<string, string>();
  /** Of instances whose answer is here, and not told yet. */
  readonly #untold = new Map<string, PromiseWithResolvers<void>>();
  /** Ends of instances that are asked for what an earlier agent left there. */
  readonly #ends = new Map<string, (() => void)[]>();

  constructor(parts: InstanceWorkParts) {
    this.#parts = parts;
  }

  async start(action: ActionOf<'start-instance'>): Promise<void> {
    const { vm_id, instance_id, region_id, region_index, operation_id } = action;
    const { spec, networkOf, emit, onStarted, tell } = this.#parts;
    this.#regions.set(instance_id, region_id);
    const region = this.#placeOf(action);
    try {
      const network = networkOf(region_index);
      const stamps = await this.#guest().start(spec, instance_id, region, network);
      if (operation_id) onStarted(operation_id, stamps);
      emit({ type: 'instance-started', vm_id, instance_id, stamps });
    } catch (error) {
      if (operation_id) onStarted(operation_id, null);
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      const failure = refusalOf(error);
      const fields = { instance: instance_id, err: errOf(failure) };
      tell(`start ${failure.code}`, fields, 'an instance did not start');
      emit({ type: 'instance-start-failed', vm_id, instance_id, failure });
    }
  }

  /** Where its memory is: of two parts one may be nothing, and the guest is told of the other. */
  #placeOf({ region_id, region_index, far }: ActionOf<'start-instance'>): GuestPlace {
    const { spec, pciOf } = this.#parts;
    const mechanism = MECHANISMS.get(spec.mechanism);
    const at = (id: string, index: number): GuestPlace => ({
      pci_address: pciOf(id),
      guest_node: guestNodeOf(mechanism, index) ?? -1,
    });
    const near = at(region_id, region_index);
    if (!far || far.far_bytes === 0) return near;
    const other = at(far.region_id, far.region_index);
    if (far.near_bytes === 0) return other;
    return { ...near, far: { ...other, ...weightsOf(far) } };
  }

  async invoke(action: ActionOf<'invoke-instance'>): Promise<void> {
    const { instance_id, request_id } = action;
    await this.#answered(action, async () => {
      const { payloads } = this.#parts;
      const guest = this.#guest();
      const call = payloads.callOf(request_id);
      const { result, answer } = await guest.invoke(instance_id, call, action);
      payloads.answer(request_id, answer);
      this.#untold.set(instance_id, Promise.withResolvers());
      return { ...result, peak_bytes: await this.#peakOf(instance_id, guest) };
    });
  }

  /**
   * The most that the instance has held so far, asked only where an expression is held against it;
   * null: not known. The caller waits for it, so not for long.
   */
  async #peakOf(instance_id: string, guest: GuestLink): Promise<number | null> {
    const { spec, pciOf } = this.#parts;
    const has_peak = MECHANISMS.get(spec.mechanism).partitions;
    const region_id = this.#regions.get(instance_id);
    if (!spec.memory?.expression || !has_peak || region_id === undefined) return null;
    const region_pci = pciOf(region_id);
    try {
      const { stats } = await guest.stats([region_pci], AGENT_LIMITS.peak_ms);
      const found = stats.partitions.find((one) => one.region_pci === region_pci);
      return found && found.peak_bytes > 0 ? found.peak_bytes : null;
    } catch (error) {
      if (isBug(error)) throw error;
      return null;
    }
  }

  /**
   * For the answer to what an earlier agent asked of the instance. Its guest keeps that: where it
   * ended before it was asked, its end is told before the answer, and says more than none.
   */
  async resume(action: ActionOf<'await-invocation'>): Promise<void> {
    const { instance_id, request_id } = action;
    const ends: (() => void)[] = [];
    this.#ends.set(instance_id, ends);
    const tellEnds = (): void => {
      this.#ends.delete(instance_id);
      for (const tell of ends.splice(0)) tell();
    };
    await this.#answered(action, async () => {
      try {
        const { result, answer } = await this.#guest().resume(instance_id, action);
        this.#parts.payloads.resumed(request_id, answer);
        return result;
      } catch (error) {
        tellEnds();
        throw error;
      }
    });
    tellEnds();
  }

  /** Tells an end that came after an answer after it, also while the agent asks on for it. */
  tellEnd(instance_id: string, tell: () => void): void {
    const untold = this.#untold.get(instance_id);
    const ends = this.#ends.get(instance_id);
    if (ends) ends.push(tell);
    else if (untold) void untold.promise.then(tell);
    else tell();
  }

  /** Likewise the end of their VM. */
  tellEndOfAll(tell: () => void): void {
    const untold = [...this.#untold.values()].map(({ promise }) => promise);
    if (untold.length > 0) void Promise.all(untold).then(tell);
    else tell();
  }

  async stop({ vm_id, instance_id }: ActionOf<'stop-instance'>): Promise<void> {
    const { emit, tell } = this.#parts;
    try {
      const gone_at_ms = await this.#guest().stop(instance_id);
      this.#regions.delete(instance_id);
      emit({ type: 'instance-stopped', vm_id, instance_id, gone_at_ms });
    } catch (error) {
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      const failure = refusalOf(error);
      const fields = { instance: instance_id, err: errOf(failure) };
      tell('stop', fields, 'an instance did not stop');
      emit({ type: 'instance-stop-failed', vm_id, instance_id, reason: failure.message });
    }
  }

  async #answered(
    { vm_id, instance_id, request_id }: ActionOf<'invoke-instance' | 'await-invocation'>,
    ask: () => Promise<Extract<HostEvent, { type: 'invocation-finished' }>['result']>,
  ): Promise<void> {
    const about = { vm_id, instance_id, request_id };
    const { emit } = this.#parts;
    try {
      const result = await ask();
      this.#parts.beforeAnswer();
      emit({ type: 'invocation-finished', ...about, result });
    } catch (error) {
      if (isBug(error)) throw error;
      if (this.#isOver()) return;
      const unheard = isUnheard(error) ? ({ is_unheard: true } as const) : {};
      emit({ type: 'invocation-failed', ...about, failure: refusalOf(error), ...unheard });
    } finally {
      this.#untold.get(instance_id)?.resolve();
      this.#untold.delete(instance_id);
    }
  }

  /** Throws HP_GUEST_CLOSED before its hello. */
  #guest(): GuestLink {
    const guest = this.#parts.guestOf();
    if (!guest) throw guestClosed(this.#parts.vm_id, 'it has not said hello.');
    return guest;
  }

  /**
   * The channel ended: `vm-failed` follows with the true cause and answers everything at once, so
   * single requests that broke with it are not told one by one.
   */
  #isOver(): boolean {
    return this.#parts.guestOf()?.isOver === true;
  }
}

/** A guest's words for an invocation that it did not give to the program. */
const UNHEARD: ReadonlySet<unknown> = new Set(['no-such-instance', 'not-ready', 'not-taken']);

function isUnheard(error: unknown): boolean {
  return isHotplaneError(error) && UNHEARD.has(error.details['guest_code']);
}
