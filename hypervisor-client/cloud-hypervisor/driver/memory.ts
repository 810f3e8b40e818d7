/**
 * The memory of one running VM: the server's sum and targets made into devices, and the calls that
 * move them. Every answer of `vm.info` goes through {@link read}, so the book is always the newest.
 */
import { truncate } from 'node:fs/promises';
import { assert } from '../../../base/assert.ts';
import { LIMITS } from '../../../base/limits.ts';
import { CH_LIMITS } from '../limits.ts';
import { DEVICE_BLOCK_BYTES, roundUp } from '../../../base/units.ts';
import { hasCode, vmmError } from '../../errors.ts';
import { anyCall, type CallLimit } from '../../resize/runner.ts';
import { devicesBytes, isShared } from '../../spec.ts';
import type { DeviceSpec, VmSpec } from '../../vm.ts';
import type { CloudHypervisor } from '../client.ts';
import { isChError } from '../errors.ts';
import { sentState } from '../../rest/server.ts';
import type { VmInfo } from '../types/index.ts';
import { attribute, type Book, type BookEntry, pluggedSum, readTargets } from './book.ts';
import { chFiles, zoneBootBytes, zoneOf } from './layout.ts';

const callMs = (limit: CallLimit): number => Math.max(1, Math.min(LIMITS.vmm_call_ms, limit()));

/**
 * The target that a guest is shown for a moment, so that it looks at `bytes` again; null: it is
 * there. Of a device with several regions it is whole regions nearer to what is plugged: a rest the
 * guest would take from the ends of regions in use, and one region less from an idle one
 * (drivers/virtio/virtio_mem_hotmem.c of the series). Pure.
 */
export function nudgeBytes(
  device: DeviceSpec,
  bytes: number,
  { max_bytes, plugged_bytes }: Pick<BookEntry, 'max_bytes' | 'plugged_bytes'>,
): number | null {
  if (!isShared(device)) {
    const up = bytes + DEVICE_BLOCK_BYTES <= max_bytes;
    return bytes + (up ? DEVICE_BLOCK_BYTES : -DEVICE_BLOCK_BYTES);
  }
  const region_bytes = max_bytes / device.regions.length;
  return plugged_bytes === bytes ? null : bytes + Math.sign(plugged_bytes - bytes) * region_bytes;
}

export class VmMemory {
  readonly #ch: CloudHypervisor;
  readonly #spec: VmSpec;
  readonly #max_bytes: number;
  readonly #onSize: (device_id: string, plugged_bytes: number) => void;
  #book: Book = [];
  #calls = 0;
  /** The device that is being resized, or null. */
  moving: string | null = null;

  constructor(
    ch: CloudHypervisor,
    spec: VmSpec,
    onSize: (device_id: string, plugged_bytes: number) => void,
  ) {
    this.#ch = ch;
    this.#spec = spec;
    this.#onSize = onSize;
    this.#max_bytes = devicesBytes(spec);
  }

  async read(limit: CallLimit = anyCall): Promise<{ readonly info: VmInfo; readonly book: Book }> {
    await this.#keepLogSmall();
    const info = await this.#ch.observe.info({ deadline_ms: callMs(limit) });
    const targets = readTargets(info.config, this.#spec.devices);
    const sum_bytes = pluggedSum(info, this.#max_bytes);
    const before = this.#book;
    const book = attribute(before, targets, sum_bytes, this.moving);
    this.#book = book;
    for (const [index, { device_id, plugged_bytes }] of book.entries()) {
      if (plugged_bytes !== (before[index]?.plugged_bytes ?? 0)) {
        this.#onSize(device_id, plugged_bytes);
      }
    }
    return { info, book };
  }

  async readDevice(device_id: string, limit: CallLimit = anyCall): Promise<BookEntry> {
    const { book } = await this.read(limit);
    const entry = book.find((candidate) => candidate.device_id === device_id);
    if (entry) return entry;
    throw vmmError('HP_VMM_UNKNOWN_REGION', `VM ${this.#spec.id} has no device ${device_id}.`);
  }

  /**
   * Sets a target, the same value being fine. When the fate of the call is unknown the state is
   * read first, and only a target that is not there yet is set once more.
   */
  async setTarget(device_id: string, bytes: number, limit: CallLimit = anyCall): Promise<void> {
    try {
      await this.#resize(device_id, bytes, limit);
    } catch (error) {
      if (hasCode(error, 'HP_VMM_REJECTED') || sentState(error) !== 'maybe') throw error;
      const entry = await this.readDevice(device_id, limit);
      if (entry.requested_bytes !== bytes) await this.#resize(device_id, bytes, limit);
    }
  }

  /** The server refuses the target it has: another one and back makes the guest look again. */
  async nudge(device_id: string, bytes: number, limit: CallLimit = anyCall): Promise<void> {
    const entry = await this.readDevice(device_id, limit);
    const other_bytes = nudgeBytes(this.#deviceOf(device_id), bytes, entry);
    if (other_bytes === null) return;
    await this.setTarget(device_id, other_bytes, limit);
    await this.setTarget(device_id, bytes, limit);
  }

  /** Devices other than `device_id` that are not where their target is. */
  unsettled(device_id: string): readonly BookEntry[] {
    return this.#book.filter(
      (entry) => entry.device_id !== device_id && entry.requested_bytes !== entry.plugged_bytes,
    );
  }

  /** Makes what is plugged the target of a device, so that only the next one moves. */
  async park({ device_id, plugged_bytes, max_bytes }: BookEntry, limit: CallLimit): Promise<void> {
    const bytes = Math.min(max_bytes, roundUp(plugged_bytes, DEVICE_BLOCK_BYTES));
    await this.setTarget(device_id, bytes, limit);
  }

  /** What is known of a device without a look; null: nothing. */
  knownBytes(device_id: string): number | null {
    return this.#book.find((entry) => entry.device_id === device_id)?.plugged_bytes ?? null;
  }

  async #resize(device_id: string, bytes: number, limit: CallLimit): Promise<void> {
    const desired_ram = zoneBootBytes(this.#deviceOf(device_id)) + bytes;
    try {
      await this.#ch.memory.resizeZone(zoneOf(device_id), desired_ram, {
        deadline_ms: callMs(limit),
      });
    } catch (error) {
      if (isChError(error, 'HP_CH_SAME_SIZE')) return;
      if (sentState(error) !== 'yes') throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw vmmError('HP_VMM_REJECTED', message, { cause: error });
    }
  }

  #deviceOf(device_id: string): DeviceSpec {
    const device = this.#spec.devices.find(({ id }) => id === device_id);
    assert(device, `device ${device_id} is one of the VM's`);
    return device;
  }

  /** At level info the server logs a line per call. It goes on behind the hole this leaves. */
  async #keepLogSmall(): Promise<void> {
    this.#calls += 1;
    if (this.#calls % CH_LIMITS.calls_per_log !== 0) return;
    await truncate(chFiles(this.#spec.run_dir).log_path, 0).catch(() => undefined);
  }
}
