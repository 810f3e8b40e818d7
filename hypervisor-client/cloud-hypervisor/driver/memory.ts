/**
 * The memory of one running VM: the server's sum and targets made into regions, and the calls that
 * move them. Every answer of `vm.info` goes through {@link read}, so the book is always the newest.
 */
import { truncate } from 'node:fs/promises';
import { assert } from '../../../base/assert.ts';
import { LIMITS } from '../../../base/limits.ts';
import { DEVICE_BLOCK_BYTES, roundUp } from '../../../base/units.ts';
import { hasCode, vmmError } from '../../errors.ts';
import { anyCall, type CallLimit } from '../../resize/runner.ts';
import type { ResizeResult, VmSpec } from '../../vm.ts';
import type { CloudHypervisor } from '../client.ts';
import { isChError, sentState } from '../errors.ts';
import type { VmInfo } from '../types/index.ts';
import { attribute, type Book, type BookEntry, pluggedSum, readTargets } from './book.ts';
import { filesOf, zoneBootBytes, zoneOf } from './layout.ts';

const callMs = (limit: CallLimit): number => Math.max(1, Math.min(LIMITS.vmm_call_ms, limit()));

export class VmMemory {
  readonly #ch: CloudHypervisor;
  readonly #spec: VmSpec;
  readonly #max_bytes: number;
  readonly #onSize: (region_id: string, plugged_bytes: number) => void;
  #book: Book = [];
  #calls = 0;
  /** The region that is being resized, or null. */
  moving: string | null = null;

  constructor(
    ch: CloudHypervisor,
    spec: VmSpec,
    onSize: (region_id: string, plugged_bytes: number) => void,
  ) {
    this.#ch = ch;
    this.#spec = spec;
    this.#onSize = onSize;
    this.#max_bytes = spec.regions.reduce((sum, region) => sum + region.max_bytes, 0);
  }

  async read(limit: CallLimit = anyCall): Promise<{ readonly info: VmInfo; readonly book: Book }> {
    await this.#keepLogSmall();
    const info = await this.#ch.observe.info({ deadline_ms: callMs(limit) });
    const targets = readTargets(info.config, this.#spec.regions);
    const sum_bytes = pluggedSum(info, this.#max_bytes);
    const before = this.#book;
    const book = attribute(before, targets, sum_bytes, this.moving);
    this.#book = book;
    for (const [index, { region_id, plugged_bytes }] of book.entries()) {
      if (plugged_bytes !== (before[index]?.plugged_bytes ?? 0)) {
        this.#onSize(region_id, plugged_bytes);
      }
    }
    return { info, book };
  }

  async readRegion(region_id: string, limit: CallLimit = anyCall): Promise<BookEntry> {
    const { book } = await this.read(limit);
    const entry = book.find((candidate) => candidate.region_id === region_id);
    if (entry) return entry;
    throw vmmError('HP_VMM_UNKNOWN_REGION', `VM ${this.#spec.id} has no region ${region_id}.`);
  }

  /**
   * Sets a target, the same value being fine. When the fate of the call is unknown the state is
   * read first, and only a target that is not there yet is set once more.
   */
  async setTarget(region_id: string, bytes: number, limit: CallLimit = anyCall): Promise<void> {
    try {
      await this.#resize(region_id, bytes, limit);
    } catch (error) {
      if (hasCode(error, 'HP_VMM_REJECTED') || sentState(error) !== 'maybe') throw error;
      const entry = await this.readRegion(region_id, limit);
      if (entry.requested_bytes !== bytes) await this.#resize(region_id, bytes, limit);
    }
  }

  /** The server refuses the target it has: another one and back makes the guest look again. */
  async nudge(region_id: string, bytes: number, limit: CallLimit = anyCall): Promise<void> {
    const { max_bytes } = await this.readRegion(region_id, limit);
    const up = bytes + DEVICE_BLOCK_BYTES <= max_bytes;
    const other_bytes = bytes + (up ? DEVICE_BLOCK_BYTES : -DEVICE_BLOCK_BYTES);
    await this.setTarget(region_id, other_bytes, limit);
    await this.setTarget(region_id, bytes, limit);
  }

  /** Regions other than `region_id` that are not where their target is. */
  unsettled(region_id: string): readonly BookEntry[] {
    return this.#book.filter(
      (entry) => entry.region_id !== region_id && entry.requested_bytes !== entry.plugged_bytes,
    );
  }

  /** Makes what is plugged the target of a region, so that only the next one moves. */
  async park({ region_id, plugged_bytes, max_bytes }: BookEntry, limit: CallLimit): Promise<void> {
    const bytes = Math.min(max_bytes, roundUp(plugged_bytes, DEVICE_BLOCK_BYTES));
    await this.setTarget(region_id, bytes, limit);
  }

  /** Of a request whose turn did not come before its deadline: nothing was asked of the server. */
  refusal(region_id: string, bytes: number, asked_at_ms: number, now_ms: number): ResizeResult {
    const region = this.#spec.regions.find(({ id }) => id === region_id);
    const known = this.#book.find((entry) => entry.region_id === region_id);
    const before_bytes = known?.plugged_bytes ?? region?.max_bytes ?? 0;
    const waited_ms = Math.round(now_ms - asked_at_ms);
    return {
      region_id,
      outcome: 'refused',
      before_bytes,
      requested_bytes: bytes,
      plugged_bytes: before_bytes,
      resident_before_bytes: null,
      resident_bytes: null,
      requested_at_ms: asked_at_ms,
      accepted_at_ms: null,
      plugged_at_ms: null,
      resident_at_ms: null,
      nudges: 0,
      error_code: 'HP_VMM_BUSY',
      reason: `Other regions of VM ${this.#spec.id} were being resized for all of ${waited_ms} ms.`,
    };
  }

  async #resize(region_id: string, bytes: number, limit: CallLimit): Promise<void> {
    const region = this.#spec.regions.find(({ id }) => id === region_id);
    assert(region, `region ${region_id} is one of the VM's`);
    const desired_ram = zoneBootBytes(region) + bytes;
    try {
      await this.#ch.memory.resizeZone(zoneOf(region_id), desired_ram, {
        deadline_ms: callMs(limit),
      });
    } catch (error) {
      if (isChError(error, 'HP_CH_SAME_SIZE')) return;
      if (sentState(error) !== 'yes') throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw vmmError('HP_VMM_REJECTED', message, { cause: error });
    }
  }

  /** At level info the server logs a line per call. It goes on behind the hole this leaves. */
  async #keepLogSmall(): Promise<void> {
    this.#calls += 1;
    if (this.#calls % LIMITS.ch_calls_per_log !== 0) return;
    await truncate(filesOf(this.#spec.run_dir).log_path, 0).catch(() => undefined);
  }
}
