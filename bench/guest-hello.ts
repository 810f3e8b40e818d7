/** The first word of a guest that a bench boots. */
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { GuestChannel } from '../guest/protocol/channel.ts';
import type { Hello } from '../guest/protocol/protocol.ts';

/**
 * The hello of a guest. Rejects as the channel does; the channel is closed for it when the guest
 * says nothing for LIMITS.guest_hello_ms (`onLate` is called first), `slowness` times over, or when
 * the signal aborts.
 */
export async function awaitHello(
  channel: Pick<GuestChannel, 'hello' | 'close'>,
  clock: Clock,
  by: {
    readonly signal?: AbortSignal | undefined;
    readonly onLate?: () => void;
    readonly slowness?: number;
  } = {},
): Promise<Hello> {
  const { signal, onLate, slowness = 1 } = by;
  const over = new AbortController();
  const stop = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  const timer = clock.sleep(LIMITS.guest_hello_ms * slowness, stop).then(
    () => {
      onLate?.();
      channel.close();
    },
    () => (signal?.aborted ? channel.close() : undefined),
  );
  try {
    return await channel.hello;
  } finally {
    over.abort();
    await timer;
  }
}
