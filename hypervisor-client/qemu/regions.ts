/** The memory devices of a running QEMU: what QMP says of them, and where the host keeps them. */
import { z } from 'zod';
import { MEMORY_BLOCK_BYTES } from '../../base/units.ts';
import { hasCode, vmmError } from '../errors.ts';
import type { AddressRange } from '../host/smaps.ts';
import type { Accelerator, VmSpec } from '../vm.ts';
import { devicePathOf, objectIdOf } from './layout.ts';
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

export interface DeviceSizes {
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
}

export interface MemoryDevice extends DeviceSizes {
  /** Where the guest sees it. */
  readonly guest_address: number;
  readonly max_bytes: number;
}

/** Sizes of all devices, in the order of the specification. */
export async function readDevices(
  qmp: QmpClient,
  spec: Pick<VmSpec, 'devices'>,
): Promise<MemoryDevice[]> {
  const answer = devicesSchema.safeParse(await qmp.execute('query-memory-devices'));
  if (!answer.success) throw unexpected('query-memory-devices', answer.error);
  const devices = new Map(answer.data.map(({ data }) => [data.id, data]));
  return spec.devices.map(({ id }) => {
    const device = devices.get(objectIdOf(id));
    if (!device) throw unexpected(`query-memory-devices without device ${id}`);
    return {
      requested_bytes: device['requested-size'],
      plugged_bytes: device.size,
      guest_address: device.memaddr,
      max_bytes: device['max-size'],
    };
  });
}

/** Plugged bytes of one device; the quick way, for polling. */
export async function readPlugged(
  qmp: QmpClient,
  device_id: string,
  options: QmpCallOptions = {},
): Promise<number> {
  return await readSize(qmp, device_id, 'size', options);
}

/** Target and plugged bytes of one device. */
export async function readSizes(
  qmp: QmpClient,
  device_id: string,
  options: QmpCallOptions = {},
): Promise<DeviceSizes> {
  const [requested_bytes, plugged_bytes] = await Promise.all([
    readSize(qmp, device_id, 'requested-size', options),
    readSize(qmp, device_id, 'size', options),
  ]);
  return { requested_bytes, plugged_bytes };
}

async function readSize(
  qmp: QmpClient,
  device_id: string,
  property: 'size' | 'requested-size',
  options: QmpCallOptions,
): Promise<number> {
  const path = devicePathOf(device_id);
  const answer = count.safeParse(await qmp.execute('qom-get', { path, property }, options));
  if (!answer.success) throw unexpected(`qom-get ${property}`, answer.error);
  return answer.data;
}

/** Sets the target. QEMU takes the same value again and wakes the guest up for it. */
export async function setRequested(
  qmp: QmpClient,
  device_id: string,
  bytes: number,
  options: QmpCallOptions = {},
): Promise<void> {
  const path = devicePathOf(device_id);
  try {
    await qmp.execute('qom-set', { path, property: 'requested-size', value: bytes }, options);
  } catch (error) {
    if (!hasCode(error, 'HP_QMP_ERROR')) throw error;
    throw vmmError('HP_VMM_REJECTED', error.message, { cause: error });
  }
}

/**
 * Host addresses of the devices, in the order of the specification; they never change. QEMU tells
 * them only through its monitor (`gpa2hva`).
 */
export async function readBackings(qmp: QmpClient, spec: VmSpec): Promise<AddressRange[]> {
  const devices = await readDevices(qmp, spec);
  const ranges: AddressRange[] = [];
  for (const device of devices) {
    if (device.guest_address % MEMORY_BLOCK_BYTES !== 0) {
      throw unexpected(`a device at guest address ${device.guest_address}`);
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
