/**
 * Goal: nothing that comes over the channel, and no way in which it comes and goes, stops the init.
 * Method: a real VM; raw bytes on its channel.
 */
import test from 'ava';
import { helloSchema } from '../../guest/protocol/protocol.ts';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { bootGuest, connectGuest, launchGuest, openRaw } from './booted-guest.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';

const isHello = (message: Record<string, unknown>): boolean => message['type'] === 'hello';

test('lines that are no request get an error and the next one is served', async (t) => {
  const raw = await openRaw(await launchGuest(t));
  t.truthy(await raw.next(isHello));
  const answer = async (line: string | Uint8Array, id = 0): Promise<unknown> => {
    raw.send(line);
    raw.send('\n');
    return (await raw.next((message) => message['id'] === id))?.['code'];
  };
  t.is(await answer('no json'), 'malformed');
  t.is(await answer('{"type":"ping"}'), 'malformed');
  t.is(await answer('{"id":-1,"type":"ping"}'), 'malformed');
  t.is(await answer(Uint8Array.from([0, 0xff, 0x7b, 0x22, 0x80])), 'malformed');
  t.is(await answer('['.repeat(60_000)), 'malformed');
  t.is(await answer('x'.repeat(300_000)), 'line-too-long');
  t.is(await answer('{"id":7,"type":"selfdestruct"}', 7), 'unknown-request');
  t.is(await answer('{"id":8,"type":"start","instance":5}', 8), 'bad-request');
  t.is(await answer(`{"id":9,"type":"start","instance":"${'n'.repeat(129)}"}`, 9), 'bad-request');
  t.is(
    await answer('{"id":10,"type":"invoke","instance":"none","payload_bytes":0}', 10),
    'no-such-instance',
  );
  raw.send('{"id":11,"type":"ping"}\n');
  t.is((await raw.next((message) => message['id'] === 11))?.['ok'], true);
});

test('the agent may go and come back in the middle of a line; instances live on', async (t) => {
  const first = await bootGuest(t);
  await first.start('survivor');
  first.channel.close();
  for (let times = 0; times < 3; times += 1) {
    const raw = await openRaw(first.vm);
    raw.send('\n{"id":1,"type":"ping"}\n');
    const pong = await raw.next((message) => message['id'] === 1);
    t.true(helloSchema.safeParse(pong?.['result']).success, 'a ping is answered with the hello');
    raw.send('{"id":2,"type":"sta');
  }
  const raw = await openRaw(first.vm);
  const work = '{"anonymous_bytes":4096,"file_bytes":0,"cpu_ms":0,"wall_ms":0}';
  raw.send(`\n{"id":1,"type":"invoke","instance":"survivor","payload_bytes":${work.length}}`);
  raw.send(`\u001f${work}\n`);
  t.is((await raw.next((message) => message['id'] === 1))?.['ok'], true);
});

test('a connection whose begin was not seen is greeted at its first request', async (t) => {
  const raw = await openRaw(await launchGuest(t));
  t.truthy(await raw.next(isHello));
  raw.send('{"id":5,"type":"ping"}\n');
  t.truthy(await raw.next((message) => message['id'] === 5));
  raw.send('{"id":1,"type":"ping"}\n');
  t.truthy(await raw.next(isHello));
  t.truthy(await raw.next((message) => message['id'] === 1));
});

/** Agents that follow one another, and what each of them asks for. */
const AGENTS = 60;
const ASKED = 12;

test('each of many agents, one right behind the other, is greeted once and answered', async (t) => {
  const first = await bootGuest(t);
  const { vm, hello } = first;
  // Two programs that compute keep the kernel from telling at once that a connection has ended.
  const work = { anonymous_bytes: 4096, file_bytes: 0, cpu_ms: 600_000, wall_ms: 600_000 };
  for (const instance of ['busy-1', 'busy-2']) {
    await first.start(instance);
    first.work(instance, work).catch(() => undefined);
  }
  await first.stats();
  first.channel.close();
  for (let agent = 1; agent <= AGENTS; agent += 1) {
    const next = await connectGuest(vm, { knocks: true });
    t.is(next.hello.boot_ms, hello.boot_ms);
    for (let asked = 0; asked < ASKED; asked += 1) {
      await t.notThrowsAsync(next.stats(), `agent ${agent}, request ${asked}`);
    }
    next.channel.close();
  }
});

test('an agent is greeted though the one before it died without a word', async (t) => {
  const vm = await launchGuest(t);
  const mute = await openRaw(vm);
  t.truthy(await mute.next(isHello));
  mute.close();
  const next = await connectGuest(vm, { knocks: true });
  t.true(next.hello.boot_ms > 0);
  next.channel.close();
});

test('a panic of the guest is seen on the console and ends the VM', async (t) => {
  const guest = await bootGuest(t);
  await guest.start('one', {
    env: { HOTPLANE_FAULT: 'panic', [PROTOCOL.user_variable]: PROTOCOL.user_root },
  });
  const work = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };
  await t.throwsAsync(guest.ask({ type: 'invoke', instance: 'one', work }), {
    code: 'HP_GUEST_CLOSED',
  });
  let state = '';
  const panicked = async () => {
    ({ state } = await guest.vm.observe());
    return state === 'panicked' ? true : null;
  };
  await waitFor(panicked, { clock: hostClock, deadline_ms: 30_000 });
  t.is(state, 'panicked', await guest.console());
  t.regex(await guest.console(), /Kernel panic - not syncing/);
});
