/**
 * Where the server keeps a device in its own memory. Anonymous zones merge into one mapping, so
 * smaps alone cannot tell them apart: the addresses come from the log of the start, in the order
 * of the configuration (all boot parts, then all hotplug parts), and are kept in the run folder.
 */
import { writeWhole } from '../../../base/files.ts';
import { isObject } from '../../../base/json.ts';
import { readPlainFile } from '../../../base/plain-file.ts';
import { isSize } from '../../rest/json.ts';
import { vmmError } from '../../errors.ts';
import type { AddressRange } from '../../host/smaps.ts';
import { deviceBytes } from '../../spec.ts';
import type { VmSpec } from '../../vm.ts';
import { chFiles } from './layout.ts';

const MAPPING = /RAM region mapping at 0x([0-9a-f]{1,13}) \(size = 0x([0-9a-f]{1,13})\)/g;

/** Ranges of the hotplug parts, in the order of the specification; null when the log has none. */
export function parseBackings(log: string, spec: VmSpec): readonly AddressRange[] | null {
  const mapped = [...log.matchAll(MAPPING)].map(([, start = '', size = '']) => {
    const from = Number.parseInt(start, 16);
    return { start: from, end: from + Number.parseInt(size, 16) };
  });
  const count = spec.devices.length;
  const hotplug = count === 0 ? [] : mapped.slice(-count);
  const fits = spec.devices.every((device, index) => {
    const range = hotplug[index];
    return range !== undefined && range.end - range.start === deviceBytes(device);
  });
  return fits ? hotplug : null;
}

/** Reads the log of a server that has just booted its VM and keeps what it says. */
export async function learnBackings(spec: VmSpec): Promise<readonly AddressRange[]> {
  const { log_path, backings_path } = chFiles(spec.run_dir);
  const backings = parseBackings(await readPlainFile(log_path, 'latin1'), spec);
  if (!backings) {
    throw vmmError('HP_VMM_BACKING', `${log_path} does not tell where the devices are mapped.`, {
      next: 'Use a version of Cloud Hypervisor that is named as supported, and report this.',
    });
  }
  const text = JSON.stringify(backings);
  await writeWhole(backings_path, text, { mode: 0o600, durable: false });
  return backings;
}

/** What an earlier owner has learned. */
export async function recallBackings(spec: VmSpec): Promise<readonly AddressRange[]> {
  const { backings_path } = chFiles(spec.run_dir);
  try {
    const value: unknown = JSON.parse(await readPlainFile(backings_path));
    if (Array.isArray(value) && value.length === spec.devices.length && value.every(isRange)) {
      return value;
    }
  } catch (cause) {
    throw vmmError('HP_VMM_BACKING', `${backings_path} cannot be read.`, { cause });
  }
  throw vmmError('HP_VMM_BACKING', `${backings_path} is not of this VM.`);
}

function isRange(value: unknown): value is AddressRange {
  return isObject(value) && isSize(value['start']) && isSize(value['end']);
}
