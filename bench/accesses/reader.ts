/** What the VMs of one agent were counted to do until now, from their run folders. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { AccessSource, VmAccesses } from '../../autoscaler/profile/call-accesses.ts';
import { parseJson } from '../../base/json.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  accessesIn,
  type AccessRange,
  type AccessTable,
  parseAccesses,
} from '../../hypervisor-client/qemu/accesses.ts';
import { qemuFiles } from '../../hypervisor-client/qemu/layout.ts';

const bytes = z.number().int().nonnegative();
const rangesSchema = z.array(z.object({ id: z.string(), start: bytes, bytes }));

/** Reads counts of the VMs that have their folders in `vms_dir`; one that has none yet is left. */
export function accessReader(vms_dir: string): AccessSource {
  return {
    read: async () => {
      const names = (await readdir(vms_dir).catch(() => [])).slice(0, LIMITS.vms_per_host);
      const all = await Promise.all(names.map(async (id) => await readVm(join(vms_dir, id), id)));
      return all.filter((one) => one !== null);
    },
  };
}

/** All counts of one VM, and which addresses are whose. */
interface FolderCounts {
  readonly table: AccessTable;
  readonly ranges: readonly AccessRange[];
}

/** Of the VM with that run folder; null: there are none, or not whole yet. */
export async function readCounts(folder: string): Promise<FolderCounts | null> {
  const files = qemuFiles(folder);
  const counts = await readFile(files.counts_path).catch(() => null);
  const text = await readFile(files.ranges_path, 'utf8').catch(() => null);
  const table = counts && parseAccesses(counts);
  const ranges = rangesSchema.safeParse(text === null ? null : parseJson(text));
  return table && ranges.success ? { table, ranges: ranges.data } : null;
}

async function readVm(folder: string, vm_id: string): Promise<VmAccesses | null> {
  const read = await readCounts(folder);
  if (!read) return null;
  const { table, ranges } = read;
  const { instructions, vcpus, line_bytes, sets, ways } = table;
  return {
    vm_id,
    vcpus,
    instructions,
    cache: { line_bytes, sets, ways },
    places: new Map(ranges.map((range) => [range.id, accessesIn(range, table)])),
  };
}
