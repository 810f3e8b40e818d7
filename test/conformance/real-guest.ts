/** The hand inside a real guest: one line each way over the guest channel. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Vm } from '../../hypervisor-client/vm.ts';
import type { GuestHand } from './target.ts';

const GUEST_UP_MS = 90_000;
const ANSWER_MS = 60_000;

/** Connects and waits until the guest answers. */
export async function takeGuest(vm: Vm): Promise<GuestHand> {
  const channel = await vm.guestChannel();
  const lines = createInterface({ input: channel });
  const ask = async (request: string, deadline_ms = ANSWER_MS): Promise<void> => {
    const answered = once(lines, 'line', { signal: AbortSignal.timeout(deadline_ms) });
    channel.write(`${request}\n`);
    const [line] = await answered;
    if (!String(line).startsWith('ok')) throw new Error(`${request}: ${String(line)}`);
  };
  await ask('ping', GUEST_UP_MS);
  return {
    hold: async (bytes) => await ask(`hold ${bytes}`),
    fill: async (keep_bytes) => await ask(`fill ${keep_bytes}`),
    free: async () => await ask('free'),
    panic: () => channel.write('panic\n'),
    reboot: () => channel.write('reboot\n'),
  };
}
