/**
 * The folder a VM lives in: who may use it, the adoption handle, and what is left after the end.
 */
import { existsSync } from 'node:fs';
import { chmod, lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { isHotplaneError } from '../../base/errors.ts';
import { writeWhole } from '../../base/files.ts';
import { LIMITS } from '../../base/limits.ts';
import { VMM_LIMITS } from '../limits.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { ourUid } from '../../base/safe-path.ts';
import { vmmError } from '../errors.ts';
import { isAlive } from '../../base/process.ts';
import { errnoOf } from '../../base/system-error.ts';
import { deviceOf } from '../spec.ts';
import type { VmHandle, VmmKind, VmSpec } from '../vm.ts';

const HANDLE_FILE = 'vm.json';
/** There from before the VMM is started until the handle is. */
const INTENT_FILE = 'starting.json';

const count = z.number().int().nonnegative();
const vmm = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/);
const vmSchema = z.object({
  id: z.string(),
  run_dir: z.string(),
  kernel_path: z.string(),
  initrd_path: z.string(),
  kernel_arguments: z.array(z.string()),
  vcpus: count,
  boot_bytes: count,
  backing: z.enum(['anonymous', 'memfd', 'huge']),
  accelerator: z.enum(['kvm', 'tcg', 'auto']),
});
const regionSchema = z.object({ id: z.string(), max_bytes: count, initial_bytes: count });
const deviceSchema = z.object({
  id: z.string(),
  guest_node: count.nullable(),
  host_node: count.nullable().exactOptional(),
  regions: z.array(regionSchema).min(1).max(VMM_LIMITS.regions_per_device),
});
const specSchema = vmSchema.extend({
  devices: z.array(deviceSchema).max(LIMITS.regions_per_vm),
  disks: z
    .array(z.object({ serial: z.string(), path: z.string() }))
    .max(VMM_LIMITS.disks_per_vm)
    .exactOptional(),
  nic: z.object({ tap: z.string(), mac: z.string(), mtu_bytes: count }).exactOptional(),
  populate: z.boolean().exactOptional(),
});
/** Version 1: each region was a device. */
const specSchema1 = vmSchema
  .extend({
    regions: z
      .array(regionSchema.extend({ guest_node: count.nullable() }))
      .max(LIMITS.regions_per_vm),
  })
  .transform(({ regions, ...vm }) => ({
    ...vm,
    devices: regions.map(({ guest_node, ...region }) => deviceOf(region, guest_node)),
  }));
const uid = count.exactOptional();
/** Removed with the VM, so it is no other folder than one that is made for VMs. */
const cgroup = z
  .string()
  .regex(/^\/(?:[^/]+\/)*hotplane-[^/]+$/)
  .exactOptional();
const process = { vmm, pid: z.number().int().positive(), pid_start_ticks: count, uid, cgroup };
const intent = { vmm, intended_at: z.string(), uid };
const SCHEMA_VERSION = 2;
const current = z.literal(SCHEMA_VERSION);
const former = z.literal(1).transform(() => SCHEMA_VERSION as typeof SCHEMA_VERSION);
const handleSchema = z.union([
  z.object({ schema_version: current, ...process, spec: specSchema }),
  z.object({ schema_version: former, ...process, spec: specSchema1 }),
]);
const intentSchema = z.union([
  z.object({ schema_version: current, ...intent, spec: specSchema }),
  z.object({ schema_version: former, ...intent, spec: specSchema1 }),
]);

/** What is about to be started in a run folder: found there when its owner died in between. */
export type VmIntent = z.infer<typeof intentSchema>;

/**
 * Makes the run folder (mode 0700) and sees that no living VM uses it: throws
 * HP_VMM_RUN_DIR_TAKEN when its handle names a living process or one of `sockets` answers.
 * Sockets and handle of a VM that is gone are removed.
 */
export async function claimRunDir(run_dir: string, sockets: readonly string[]): Promise<void> {
  await makeFolder(run_dir, { mode: 0o700 });
  const facts = await lstat(run_dir);
  if (!facts.isDirectory() || facts.uid !== ourUid()) {
    throw vmmError('HP_VMM_RUN_DIR_TAKEN', `${run_dir} is no folder of ours.`, {
      next: 'Use another run_dir.',
    });
  }
  await chmod(run_dir, 0o700);
  const handle = await readHandle(run_dir);
  if (handle && (await isAlive({ pid: handle.pid, start_ticks: handle.pid_start_ticks }))) {
    throw vmmError('HP_VMM_RUN_DIR_TAKEN', `VM ${handle.spec.id} lives in ${run_dir}.`, {
      details: { pid: handle.pid },
    });
  }
  for (const path of sockets) {
    if (!(await isListening(path))) continue;
    throw vmmError('HP_VMM_RUN_DIR_TAKEN', `Somebody listens on ${path}.`, { details: { path } });
  }
  await cleanRunDir(run_dir, sockets);
}

/**
 * Removes sockets and handle; console and output stay for the reader. Whoever else its VMM ran as
 * has no way in any more.
 */
export async function cleanRunDir(run_dir: string, sockets: readonly string[]): Promise<void> {
  await closeRunDir(run_dir);
  const notes = [HANDLE_FILE, INTENT_FILE].map((name) => join(run_dir, name));
  for (const path of [...sockets, ...notes]) await rm(path, { force: true });
}

async function closeRunDir(run_dir: string): Promise<void> {
  try {
    await chmod(run_dir, 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Whether a VM was begun in the folder and has not ended in order. */
export function wasBegunIn(run_dir: string): boolean {
  return [HANDLE_FILE, INTENT_FILE].some((name) => existsSync(join(run_dir, name)));
}

/** To be called before the VMM is started: from then on nothing of it can get lost. */
export async function writeIntent(
  vmm_kind: VmmKind,
  spec: VmSpec,
  user: { readonly uid?: number } = {},
): Promise<void> {
  const intended_at = new Date().toISOString();
  await writeJson(join(spec.run_dir, INTENT_FILE), {
    schema_version: SCHEMA_VERSION,
    vmm: vmm_kind,
    intended_at,
    ...user,
    spec,
  });
}

/** The intent left in a run folder, or null when there is none that can be understood. */
export async function readIntent(run_dir: string): Promise<VmIntent | null> {
  const text = await readIfThere(join(run_dir, INTENT_FILE));
  return text === null ? null : (parse(intentSchema, text) ?? null);
}

/** Writes the handle in one step, so that a reader never sees half of it. */
export async function writeHandle(handle: VmHandle): Promise<void> {
  const { run_dir } = handle.spec;
  await writeJson(join(run_dir, HANDLE_FILE), handle);
  await rm(join(run_dir, INTENT_FILE), { force: true });
}

/**
 * The handle left in a run folder, or null when there is none that can be understood. Its run_dir
 * is the folder it was found in, whatever it says itself.
 */
export async function readHandle(run_dir: string): Promise<VmHandle | null> {
  const text = await readIfThere(join(run_dir, HANDLE_FILE));
  const handle = text === null ? null : parseHandle(text);
  return handle && { ...handle, spec: { ...handle.spec, run_dir } };
}

/** Parses the text of a handle; null when it is not one. Pure. */
export function parseHandle(text: string): VmHandle | null {
  return parse(handleSchema, text) ?? null;
}

function parse<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readPlainFile(path);
  } catch (error) {
    const is_none = isHotplaneError(error) || errnoOf(error) === 'ENOENT';
    if (is_none) return null;
    throw error;
  }
}

/** Not synced: a power cut ends the VM as well. */
async function writeJson(path: string, value: object): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  await writeWhole(path, text, { mode: 0o600, durable: false });
}

async function isListening(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(LIMITS.vmm_call_ms, () => finish(true));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
