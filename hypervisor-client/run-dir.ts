/**
 * The folder a VM lives in: who may use it, the adoption handle, and what is left after the end.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { LIMITS } from '../base/limits.ts';
import { vmmError } from './errors.ts';
import { isAlive } from './process.ts';
import { systemCode } from './system-error.ts';
import type { VmHandle } from './vm.ts';

/** Its name in the run folder: there from the start of a VM to its orderly end. */
export const HANDLE_FILE = 'vm.json';

const count = z.number().int().nonnegative();
const handleSchema = z.object({
  schema_version: z.literal(1),
  vmm: z.enum(['qemu', 'cloud-hypervisor', 'fake']),
  pid: z.number().int().positive(),
  pid_start_ticks: count,
  spec: z.object({
    id: z.string(),
    run_dir: z.string(),
    kernel_path: z.string(),
    initrd_path: z.string(),
    kernel_arguments: z.array(z.string()),
    vcpus: count,
    boot_bytes: count,
    regions: z
      .array(
        z.object({
          id: z.string(),
          max_bytes: count,
          initial_bytes: count,
          guest_node: count.nullable(),
        }),
      )
      .max(LIMITS.regions_per_vm),
    backing: z.enum(['anonymous', 'memfd']),
    accelerator: z.enum(['kvm', 'tcg', 'auto']),
  }),
});

/**
 * Makes the run folder (mode 0700) and sees that no living VM uses it: throws
 * HP_VMM_RUN_DIR_TAKEN when its handle names a living process or one of `sockets` answers.
 * Sockets and handle of a VM that is gone are removed.
 */
export async function claimRunDir(run_dir: string, sockets: readonly string[]): Promise<void> {
  await mkdir(run_dir, { recursive: true, mode: 0o700 });
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

/** Removes sockets and handle; console and output stay for the reader. */
export async function cleanRunDir(run_dir: string, sockets: readonly string[]): Promise<void> {
  for (const path of [...sockets, join(run_dir, HANDLE_FILE)]) await rm(path, { force: true });
}

/** Writes the handle in one step, so that a reader never sees half of it. */
export async function writeHandle(handle: VmHandle): Promise<void> {
  const path = join(handle.spec.run_dir, HANDLE_FILE);
  await writeFile(`${path}.new`, `${JSON.stringify(handle, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** The handle left in a run folder, or null when there is none that can be understood. */
export async function readHandle(run_dir: string): Promise<VmHandle | null> {
  let text: string;
  try {
    text = await readFile(join(run_dir, HANDLE_FILE), 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  return parseHandle(text);
}

/** Parses the text of a handle; null when it is not one. Pure. */
export function parseHandle(text: string): VmHandle | null {
  try {
    return handleSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
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
