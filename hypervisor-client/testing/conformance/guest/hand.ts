/** The hand inside a real guest: one line each way over the guest channel. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Vm } from '../../../vm.ts';
import type { GuestHand } from '../target.ts';
import { until } from '../vms.ts';

/** The guest's only program, PID 1, in C; it needs nothing but a C library. */
export const GUEST_SOURCE = fileURLToPath(new URL('init.c', import.meta.url));

const GUEST_UP_MS = 90_000;
const ANSWER_MS = 60_000;

/** What a real guest can tell beside. */
export interface RealGuest extends GuestHand {
  /** Memory of one of the guest's NUMA nodes. */
  nodeBytes(node: number): Promise<number>;
  /** Whether the guest's kernel says its CPU has a flag of /proc/cpuinfo. */
  hasCpuFlag(flag: string): Promise<boolean>;
}

/** Connects and waits until the guest answers. */
export async function takeGuest(vm: Vm): Promise<RealGuest> {
  const channel = await vm.guestChannel();
  const lines = createInterface({ input: channel });
  const ask = async (request: string, deadline_ms = ANSWER_MS): Promise<string> => {
    const answered = once(lines, 'line', { signal: AbortSignal.timeout(deadline_ms) });
    channel.write(`${request}\n`);
    const [line] = await answered;
    const text = String(line);
    if (!text.startsWith('ok')) throw new Error(`${request}: ${text}`);
    return text.slice('ok '.length);
  };
  const order = async (request: string): Promise<void> => {
    await ask(request);
  };
  await ask('ping', GUEST_UP_MS);
  const nodeBytes = async (node: number): Promise<number> => Number(await ask(`node ${node}`));
  const pluggedBytes = async (): Promise<number> =>
    (await vm.observe()).regions.reduce((sum, region) => sum + region.plugged_bytes, 0);
  const boot_bytes = (await nodeBytes(0)) - (await pluggedBytes());
  return {
    hold: async (bytes) => await order(`hold ${bytes}`),
    fill: async (keep_bytes) => {
      // A guest puts the last block online after it told the VMM of the plug.
      await until('all that is plugged is online', ANSWER_MS, async () => {
        return (await nodeBytes(0)) >= boot_bytes + (await pluggedBytes());
      });
      await order(`fill ${keep_bytes}`);
    },
    free: async () => await order('free'),
    nodeBytes,
    hasCpuFlag: async (flag) => (await ask(`cpu ${flag}`)) === '1',
    disk: async (serial) => {
      const [flag, ...words] = (await ask(`disk ${serial}`)).split(' ');
      return { read_only: flag === '1', first_line: words.join(' ') };
    },
    nic: async () => {
      const [mac = '', mtu = ''] = (await ask('nic')).split(' ');
      return mac === 'none' ? null : { mac, mtu_bytes: Number(mtu) };
    },
    panic: () => channel.write('panic\n'),
    reboot: () => channel.write('reboot\n'),
  };
}
