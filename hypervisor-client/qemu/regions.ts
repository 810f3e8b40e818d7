/** The regions of a running QEMU: what QMP says of them, and where the host keeps their memory. */
import { z } from 'zod';
import { MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import { hasCode, vmmError } from '../errors.ts';
import type { AddressRange } from '../host/smaps.ts';
import type { Accelerator, VmSpec } from '../vm.ts';
import { deviceIdOf, devicePathOf } from './layout.ts';
import type { QmpCallOptions, QmpClient } from './qmp.ts';

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const devicesSchema = z.array(
  z.object({
    type: z.string(),
    data: z.object({
      id: z.string(),
      memaddr: count,
      'requested-size': count,
      size: count,
      'max-size': count,
    }),
  }),
);

export interface RegionSizes {
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
}

export interface RegionDevice extends RegionSizes {
  /** Where the guest sees it. */
  readonly guest_address: number;
  readonly max_bytes: number;
}

/** Sizes of all regions, in the order of the specification. */
export async function readDevices(qmp: QmpClient, spec: VmSpec): Promise<RegionDevice[]> {
  const answer = devicesSchema.safeParse(await qmp.execute('query-memory-devices'));
  if (!answer.success) throw unexpected('query-memory-devices', answer.error);
  const devices = new Map(answer.data.map(({ data }) => [data.id, data]));
  return spec.regions.map((region) => {
    const device = devices.get(deviceIdOf(region.id));
    if (!device) throw unexpected(`query-memory-devices without region ${region.id}`);
    return {
      requested_bytes: device['requested-size'],
      plugged_bytes: device.size,
      guest_address: device.memaddr,
      max_bytes: device['max-size'],
    };
  });
}

/** Plugged bytes of one region; the quick way, for polling. */
export async function readPlugged(
  qmp: QmpClient,
  region_id: string,
  options: QmpCallOptions = {},
): Promise<number> {
  const path = devicePathOf(region_id);
  const answer = count.safeParse(await qmp.execute('qom-get', { path, property: 'size' }, options));
  if (!answer.success) throw unexpected('qom-get size', answer.error);
  return answer.data;
}

/** Sets the target. QEMU takes the same value again and wakes the guest up for it. */
export async function setRequested(
  qmp: QmpClient,
  region_id: string,
  bytes: number,
  options: QmpCallOptions = {},
): Promise<void> {
  const path = devicePathOf(region_id);
  try {
    await qmp.execute('qom-set', { path, property: 'requested-size', value: bytes }, options);
  } catch (error) {
    if (!hasCode(error, 'HP_QMP_ERROR')) throw error;
    throw vmmError('HP_VMM_REJECTED', error.message, { cause: error });
  }
}

/**
 * Host addresses of the regions, in the order of the specification; they never change. QEMU tells
 * them only through its monitor (`gpa2hva`).
 */
export async function readBackings(qmp: QmpClient, spec: VmSpec): Promise<AddressRange[]> {
  const devices = await readDevices(qmp, spec);
  const ranges: AddressRange[] = [];
  for (const device of devices) {
    if (device.guest_address % MEMORY_BLOCK_BYTES !== 0) {
      throw unexpected(`a region at guest address ${device.guest_address}`);
    }
    const text = await qmp.execute('human-monitor-command', {
      'command-line': `gpa2hva 0x${device.guest_address.toString(16)}`,
    });
    const start = parseHostAddress(String(text));
    if (start === null) throw unexpected(`gpa2hva: ${String(text).trim()}`);
    ranges.push({ start, end: start + device.max_bytes });
  }
  return ranges;
}

/** What the VM really runs with, also when its specification said `auto`. */
export async function readAccelerator(qmp: QmpClient): Promise<Accelerator> {
  const answer = z.object({ enabled: z.boolean() }).safeParse(await qmp.execute('query-kvm'));
  if (!answer.success) throw unexpected('query-kvm', answer.error);
  return answer.data.enabled ? 'kvm' : 'tcg';
}

/** From `Host virtual address for 0x100000000 (m0) is 0x7f6babe00000`. Pure. */
export function parseHostAddress(text: string): number | null {
  const match = /^Host virtual address for 0x[0-9a-f]+ \(.*\) is 0x([0-9a-f]{1,13})\s*$/.exec(text);
  return match?.[1] ? Number.parseInt(match[1], 16) : null;
}

function unexpected(what: string, cause?: unknown): Error {
  return vmmError('HP_QMP_PROTOCOL', `QEMU gave an answer that makes no sense: ${what}.`, {
    next: 'Report it with the version of QEMU; the VM was left running.',
    cause,
  });
}
