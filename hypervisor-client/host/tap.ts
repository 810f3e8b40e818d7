/**
 * TAP devices on a bridge of the host, one for each VM: made before its VMM starts, and removed
 * after its end. A VM may talk there with the bridge itself and with whoever is on a port that is
 * not isolated, as its own addresses alone; never with another VM.
 */
import { createHash } from 'node:crypto';
import { access, constants, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { runTool } from '../../base/run-tool.ts';
import { errnoOf } from '../../base/system-error.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { vmmError } from '../errors.ts';
import { VMM_LIMITS } from '../limits.ts';
import { type TapFilter, tapFilterCode } from './tap-filter.ts';

const CONTROL_DEVICE = '/dev/net/tun';
/** CAP_NET_ADMIN, by its number in the masks of /proc. */
const NET_ADMIN = 12n;
const PREFIX_DIGITS = 6;
const GRACE_MS = 1_000;
const OUTPUT_BYTES = 64 * 1024;

/** What all TAP devices of VMs with folders in `vms_dir` begin with, and no other does. */
export function tapPrefix(vms_dir: string): string {
  const digest = createHash('sha256').update(vms_dir).digest('hex');
  return `hp${digest.slice(0, PREFIX_DIGITS)}`;
}

/** Name of the device of the VM with that number, at most 15 characters as the kernel wants it. */
export const tapName = (vms_dir: string, number: number): string =>
  tapPrefix(vms_dir) + number.toString(36);

/** Names of all network devices here. */
async function networkDevices(): Promise<readonly string[]> {
  const text = await readFile('/proc/self/net/dev', 'utf8');
  return [...text.matchAll(/^\s*(\S+):/gm)].map(([, name = '']) => name);
}

/** What this process lacks to make TAP devices, in words; empty: nothing that can be seen. */
export async function tapTroubles(): Promise<readonly string[]> {
  const troubles: string[] = [];
  const { R_OK, W_OK } = constants;
  await access(CONTROL_DEVICE, R_OK | W_OK).catch((error: unknown) => {
    const is_there = errnoOf(error) !== 'ENOENT';
    troubles.push(`${CONTROL_DEVICE} ${is_there ? 'may not be opened' : 'is not there'}`);
  });
  const status = await readFile('/proc/self/status', 'utf8');
  const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if (((BigInt(`0x${mask}`) >> NET_ADMIN) & 1n) === 0n) troubles.push('CAP_NET_ADMIN is lacking');
  return troubles;
}

/** Why no other user could open a device that is made for him; null: he can. */
export async function whyTapsAreOurs(control = CONTROL_DEVICE): Promise<string | null> {
  const { S_IROTH, S_IWOTH } = constants;
  const facts = await stat(control).catch(() => null);
  const is_open = facts && (facts.mode & S_IROTH) !== 0 && (facts.mode & S_IWOTH) !== 0;
  return is_open ? null : `others may not open ${control}`;
}

const linkSchema = z
  .array(
    z.object({
      mtu: z.number().int(),
      linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
    }),
  )
  .min(1);

/** Longest packet of a bridge (bytes); null: there is no such bridge. Throws HP_VMM_TAP. */
export async function bridgeMtu(bridge: string): Promise<number | null> {
  if (!(await networkDevices()).includes(bridge)) return null;
  const text = await ask(['ip', '-d', '-j', 'link', 'show', 'dev', bridge]);
  const [link] = linkSchema.parse(JSON.parse(text));
  return link?.linkinfo?.info_kind === 'bridge' ? link.mtu : null;
}

export interface TapRequest {
  readonly name: string;
  readonly bridge: string;
  readonly mtu_bytes: number;
  readonly filter: TapFilter;
  /** Who may open it, beside root. */
  readonly owner_uid: number;
}

/** Makes the device, anew where it is there. Throws HP_VMM_TAP, and nothing of it is left. */
export async function makeTap(request: TapRequest): Promise<void> {
  const { name, bridge, mtu_bytes, filter } = request;
  await removeTap(name);
  const port = `isolated on learning off flood off mcast_flood off`;
  const user = String(request.owner_uid);
  try {
    await ask(['ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap', 'user', user]);
    await ask(['tc', 'qdisc', 'add', 'dev', name, 'clsact']);
    const code = tapFilterCode(filter);
    const decides = ['protocol', 'all', 'bpf', 'direct-action', 'bytecode', code];
    await ask(['tc', 'filter', 'add', 'dev', name, 'ingress', ...decides]);
    await ask(['ip', 'link', 'set', 'dev', name, 'mtu', String(mtu_bytes), 'master', bridge]);
    await ask(['bridge', 'link', 'set', 'dev', name, ...port.split(' ')]);
    await ask(['bridge', 'fdb', 'replace', filter.mac, 'dev', name, 'master', 'static']);
    await ask(['ip', 'link', 'set', 'dev', name, 'up']);
  } catch (error) {
    await removeTap(name).catch(() => undefined);
    throw error;
  }
}

/** Removes the device, also under a VMM that has it open; done where it is not there. */
export async function removeTap(name: string): Promise<void> {
  if ((await networkDevices()).includes(name)) await ask(['ip', 'link', 'delete', 'dev', name]);
}

/** Removes those of VMs with folders in `vms_dir` that are not in `living`. Names that went. */
export async function removeOldTaps(
  vms_dir: string,
  living: ReadonlySet<number>,
): Promise<readonly string[]> {
  const kept = new Set([...living].map((number) => tapName(vms_dir, number)));
  const prefix = tapPrefix(vms_dir);
  const names = await networkDevices();
  const old = names.filter((name) => name.startsWith(prefix) && !kept.has(name));
  for (const name of old) await removeTap(name);
  return old;
}

/** What a tool of iproute2 prints. Throws HP_VMM_TAP with what it says where it fails. */
async function ask(command: readonly string[]): Promise<string> {
  const { PATH = '', ...env } = toolEnvironment();
  const said = { stdout: '', stderr: '' };
  const shown = command.slice(0, 6).join(' ');
  try {
    const end = await runTool({
      command,
      // Where Debian has them, which is not in everybody's PATH.
      env: { ...env, PATH: `${PATH}:/usr/sbin:/sbin` },
      onLine: (line, from) => {
        said[from] += `${line}\n`;
      },
      deadline_ms: VMM_LIMITS.tap_tool_ms,
      output_bytes: OUTPUT_BYTES,
      grace_ms: GRACE_MS,
    });
    if (end.how === 'ended' && end.code === 0) return said.stdout;
    const why = said.stderr.trim().replaceAll(/\s*\n\s*/g, '; ') || `it did not end well`;
    throw vmmError('HP_VMM_TAP', `'${shown}' failed: ${why}.`);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw vmmError('HP_VMM_TAP', `there is no '${command[0]}' on this host (iproute2).`, { cause });
  }
}
