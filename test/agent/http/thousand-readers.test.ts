/** A thousand who want the live state and read none of it: the agent serves on, and keeps none. */
import { once } from 'node:events';
import test from 'ava';
import { WebSocket } from 'ws';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { specOf, WORK } from '../core/world.ts';
import { agentWithPage } from './busy-agent.ts';

const READERS = 1_000;
const AT_ONCE = 100;
const LONG = { clock: hostClock, deadline_ms: 120_000, longest_pause_ms: 100 };

/** How the try of one reader ended, or that it is there. */
async function tryToRead(url: string): Promise<{ socket: WebSocket; end: Promise<string> }> {
  const socket = new WebSocket(url);
  const closed = once(socket, 'close').then(
    ([code, reason]) => `${code} ${String(reason).split(':')[0]}`,
    () => 'no connection',
  );
  socket.on('error', () => undefined);
  // What it is sent stays where it is.
  await Promise.race([once(socket, 'upgrade').then(() => socket.pause()), closed]);
  return { socket, end: closed };
}

test('of 1,000 slow readers as many as may be are kept, and none is left', async (t) => {
  const { agent, client, port, surface } = await agentWithPage(t);
  await client.deploy(specOf('f', { concurrency: 4, limit_bytes: 128 * MIB, keep_alive_ms: 1e6 }));
  const tries: Awaited<ReturnType<typeof tryToRead>>[] = [];
  for (let made = 0; made < READERS; made += AT_ONCE) {
    const url = `ws://127.0.0.1:${port}/live`;
    tries.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => tryToRead(url)))));
    t.true(surface.readers <= AGENT_LIMITS.live_readers);
    const { outcome } = await agent.invoke('f', 'x', emulated(WORK));
    t.is(outcome, 'done', 'calls are served meanwhile');
  }
  t.is(tries.length, READERS);
  t.is(surface.readers, AGENT_LIMITS.live_readers);
  for (const { socket } of tries) socket.resume();
  for (const { socket } of tries) if (socket.readyState === WebSocket.OPEN) socket.close();
  const ends = await Promise.all(tries.map(async ({ end }) => await end));
  const counts = new Map<string, number>();
  for (const end of ends) counts.set(end, (counts.get(end) ?? 0) + 1);
  t.log(Object.fromEntries(counts));
  t.true((counts.get('1013 HP_AGENT_TOO_MANY_WATCHERS') ?? 0) > 0);
  const none = (): true | null => (surface.readers === 0 ? true : null);
  t.true(await waitFor(none, LONG), 'nobody is kept');
  t.is((await client.status()).functions.length, 1);
});
