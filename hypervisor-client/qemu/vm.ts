/** A VM under QEMU. Everything is read from QEMU and the host when asked; nothing is remembered. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { hasCode, vmmError } from '../errors.ts';
import type { MemoryFence } from '../lifecycle/memory-fence.ts';
import { type ProcessExit, waitForEnd } from '../../base/process.ts';
import { endVmm } from '../lifecycle/end-vmm.ts';
import { lastObservation } from '../resize/places.ts';
import { ResizeDesk, resizeOrdered } from '../resize/desk.ts';
import { VmLife } from '../lifecycle/life.ts';
import { cleanRunDir } from '../lifecycle/run-dir.ts';
import type { HugePageReader } from '../host/huge-pages.ts';
import { withNodes } from '../resize/region-nodes.ts';
import { type AddressRange, readProcessResident } from '../host/smaps.ts';
import { isShared } from '../spec.ts';
import type {
  Accelerator,
  ResizeOptions,
  ResizeResult,
  Vm,
  VmEvent,
  VmHandle,
  VmObservation,
  VmRunState,
  VmSpec,
} from '../vm.ts';
import { takesAtPlug } from './arguments.ts';
import { SerialChannel } from './guest-channel.ts';
import { qemuFiles, pciAddressOf } from './layout.ts';
import type { QmpClient } from './qmp.ts';
import { QemuMemory } from './memory.ts';
import { isGuestReset, toVmEvent, toVmState } from './vm-events.ts';

export interface QemuVmParts {
  readonly handle: VmHandle;
  readonly accelerator: Accelerator;
  readonly qmp: QmpClient;
  /** Host addresses of the devices, in the order of the specification. */
  readonly backings: readonly AddressRange[];
  /** How the process ended; null when it is not our child (adopted). */
  readonly exited: (() => Promise<ProcessExit>) | null;
  readonly clock: Clock;
  readonly readHugePages: HugePageReader;
  /** Whether an observation tells on which nodes of the host the regions lie. */
  readonly looks_at_nodes?: boolean;
  /** The memory limit around the process, removed after its end. */
  readonly fence?: MemoryFence | null;
}

/**
 * QEMU discards a block before it answers that it is unplugged, by a hole in a memfd, of huge pages
 * too, and by MADV_DONTNEED elsewhere; what cannot be discarded stays plugged. Pages taken at the
 * plug (`prealloc`) are the kernel's, which clears them.
 */
const READS_ZERO: readonly VmSpec['backing'][] = ['anonymous', 'memfd', 'huge'];

export class QemuVm implements Vm {
  readonly #parts: QemuVmParts;
  readonly #life: VmLife;
  readonly #resizes: ResizeDesk;
  readonly #memory: QemuMemory;
  readonly #channel: SerialChannel;
  readonly #ended: Promise<void>;

  constructor(parts: QemuVmParts) {
    this.#parts = parts;
    const { backings, handle, qmp, clock, exited, fence, readHugePages } = parts;
    const { spec, pid } = handle;
    const { console_path, stdout_path, stderr_path, channel_path } = qemuFiles(spec.run_dir);
    const files = [console_path, stdout_path, stderr_path].map((path) => ({ path, appends: true }));
    this.#life = new VmLife({
      handle,
      clock,
      console_path,
      files,
      exited,
      cgroup: fence?.cgroup ?? null,
    });
    const tellIfGone = async <T>(call: Promise<T>) => await this.#tellIfGone(call);
    this.#memory = new QemuMemory({ qmp, spec, pid, backings, tellIfGone, readHugePages });
    const memory = this.#memory;
    this.#resizes = new ResizeDesk({
      spec,
      clock,
      stop: this.#life.stop,
      turnOf: ({ device }) => (isShared(device) ? `device ${device.id}` : null),
      pluggedAtMost: (placed) => memory.pluggedAtMost(placed),
      resize: async (order) => await resizeOrdered(memory.portOf(order.placed), order),
    });
    this.#channel = new SerialChannel(channel_path);
    // Last events are lost when a command meets the end of the connection, so the console decides.
    this.#ended = this.#life.watch(
      async () => await this.#followEvents(),
      () => true,
    );
  }

  get id(): string {
    return this.#parts.handle.spec.id;
  }

  get handle(): VmHandle {
    return this.#parts.handle;
  }

  get accelerator(): Accelerator {
    return this.#parts.accelerator;
  }

  get console_path(): string {
    return qemuFiles(this.handle.spec.run_dir).console_path;
  }

  get plugged_reads_zero(): boolean {
    return READS_ZERO.includes(this.handle.spec.backing);
  }

  get populates_plugged(): boolean {
    return takesAtPlug(this.handle.spec);
  }

  async observe(): Promise<VmObservation> {
    this.#life.assertHeld();
    try {
      return await this.#look();
    } catch (error) {
      if (!(await this.#isEnding(error))) throw error;
      await this.#ended;
      const at_ms = this.#parts.clock.nowMs();
      return lastObservation(this.handle.spec, this.#life.lastState, pciAddressOf, at_ms);
    }
  }

  residentBytes(): number {
    return readProcessResident(this.handle.pid, this.handle.spec.backing === 'huge');
  }

  async resizeRegion(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult> {
    this.#life.assertHeld();
    const ask = async () => await this.#resizes.ask(id, bytes, options);
    return await (this.#parts.fence?.around(id, bytes, ask) ?? ask());
  }

  events(signal?: AbortSignal): AsyncIterable<VmEvent> {
    return this.#life.events.read(signal);
  }

  async guestChannel(): Promise<Duplex> {
    this.#life.assertHeld();
    return await this.#channel.open();
  }

  async shutdown(): Promise<void> {
    await this.#life.shutdown(async () => await this.#end());
  }

  release(): Promise<void> {
    this.#life.release();
    this.#channel.close();
    this.#parts.qmp.close();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const { clock, qmp } = this.#parts;
    const { spec } = this.handle;
    const grace_ms = LIMITS.vm_shutdown_ms;
    // A QEMU that does not answer, or broke on the way out, is ended by signals.
    await qmp.quit({ deadline_ms: grace_ms }).catch(() => undefined);
    const left = await waitForEnd(this.#life.identity, clock, qmp.isClosed ? grace_ms : 0);
    if (!left) await endVmm(this.#life.identity, clock, grace_ms);
    qmp.close();
    this.#channel.close();
    await this.#ended;
    await this.#parts.fence?.remove();
    const files = qemuFiles(spec.run_dir);
    await cleanRunDir(spec.run_dir, [files.qmp_path, files.channel_path]);
  }

  /** Memory and connections of a QEMU that ends go before its process, which is waited for. */
  async #isEnding(error: unknown): Promise<boolean> {
    this.#life.assertHeld();
    if (hasCode(error, 'HP_QMP_CLOSED') || hasCode(error, 'HP_VMM_GONE')) {
      await waitForEnd(this.#life.identity, this.#parts.clock, LIMITS.vm_shutdown_ms);
    }
    return await this.#life.isGone();
  }

  async #look(): Promise<VmObservation> {
    const [{ devices, regions }, state] = await Promise.all([
      this.#memory.observe(),
      this.#state(),
    ]);
    const { backings, handle, looks_at_nodes } = this.#parts;
    const { pid, spec } = handle;
    return {
      state,
      devices,
      regions: looks_at_nodes
        ? withNodes({ spec, pid, backings, proc_root: '/proc' }, regions)
        : regions,
      resident_bytes: this.residentBytes(),
      observed_at_ms: this.#parts.clock.nowMs(),
    };
  }

  async #state(): Promise<VmRunState> {
    const answer = await this.#parts.qmp.execute('query-status');
    const known = typeof answer === 'object' && answer !== null && 'status' in answer;
    return this.#life.hasPanicked ? 'panicked' : toVmState(known ? answer.status : null);
  }

  /** A connection that broke because the VM ended is told as that. */
  async #tellIfGone<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!hasCode(error, 'HP_QMP_CLOSED') || !(await this.#isEnding(error))) throw error;
      throw vmmError('HP_VMM_GONE', `VM ${this.id} ended.`, { cause: error });
    }
  }

  /** Passes events on until QEMU closes its end; true when its process is gone then. */
  async #followEvents(): Promise<boolean> {
    const { qmp, clock, exited } = this.#parts;
    for await (const event of qmp.events()) {
      if (isGuestReset(event)) this.#life.reset();
      const told = toVmEvent(event, this.handle.spec, clock.nowMs());
      if (told?.type === 'guest-panicked') this.#life.panic();
      if (told?.type !== 'device-size') continue;
      this.#memory.wake(told.device_id);
      this.#life.events.emit(told);
    }
    if (this.#life.isReleased) return false;
    await exited?.();
    return await waitForEnd(this.#life.identity, clock, LIMITS.vm_shutdown_ms);
  }
}
