/** The guest channel against a guest that does everything wrong, on a fake clock. */
import { duplexPair, type Duplex } from 'node:stream';
import test from 'ava';
import type { HotplaneError } from '../../../base/errors.ts';
import { GUEST_LIMITS } from '../../../guest/protocol/limits.ts';
import { GuestChannel } from '../../../guest/protocol/channel.ts';
import { ClockMap } from '../../../guest/protocol/clock-map.ts';
import type { ExitEvent } from '../../../guest/protocol/protocol.ts';
import { stoppedSchema } from '../../../guest/protocol/protocol.ts';
import { FAKE_HELLO } from '../../../agent/testing/fake-words.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';

const HELLO = { ...FAKE_HELLO, kernel: '6.12' };

interface Wire {
  readonly channel: GuestChannel;
  readonly guest: Duplex;
  readonly clock: FakeClock;
  readonly exits: ExitEvent[];
  readonly closed: HotplaneError[];
  readonly say: (...messages: unknown[]) => Promise<void>;
  readonly raw: (text: string) => Promise<void>;
}

function wire(): Wire {
  const [stream, guest] = duplexPair();
  const clock = new FakeClock();
  const exits: ExitEvent[] = [];
  const closed: HotplaneError[] = [];
  guest.on('error', () => undefined).resume();
  const channel = new GuestChannel({
    vm_id: 'vm1',
    stream,
    clock,
    onExit: (event) => void exits.push(event),
    onClosed: (error) => void closed.push(error),
  });
  const raw = async (text: string): Promise<void> => {
    guest.write(text);
    await clock.advance(0);
  };
  const say = (...messages: unknown[]): Promise<void> =>
    raw(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  return { channel, guest, clock, exits, closed, say, raw };
}

const stop = { type: 'stop', instance: 'i1' } as const;
const STOPPED = { gone_at_ms: 5, peak_bytes: 1 };

test('what was said after an answer is told after who waited for it has gone on', async (t) => {
  const { channel, say, exits, clock } = wire();
  await say(HELLO);
  const seen: string[] = [];
  const goOn = async (instance: string): Promise<void> => {
    await channel.ask({ type: 'stop', instance }, stoppedSchema, 1_000).catch(() => undefined);
    // Several hands between the channel and who wants to know.
    for (let hand = 0; hand < 10; hand += 1) await Promise.resolve();
    seen.push(`${instance} after ${exits.length} exits`);
  };
  const all = ['i1', 'i2', 'i3'].map(goOn);
  await clock.advance(0);
  const exit = { type: 'exit', status: 0, signal: null, reason: 'exited', at_ms: 6 };
  const refused = { id: 2, ok: false, code: 'stop-timeout', message: 'no' };
  await say(
    { ...exit, instance: 'a' },
    { id: 1, ok: true, result: STOPPED },
    { ...exit, instance: 'b' },
    refused,
    { id: 3, ok: true, result: STOPPED },
    { ...exit, instance: 'c' },
  );
  await Promise.all(all);
  t.deepEqual(seen, ['i1 after 1 exits', 'i2 after 2 exits', 'i3 after 2 exits']);
  t.deepEqual(
    exits.map(({ instance }) => instance),
    ['a', 'b', 'c'],
  );
});

test('what was held for an answer is told before the end of the stream', async (t) => {
  const { channel, say, exits, closed, guest, clock } = wire();
  await say(HELLO);
  const stopped = channel.ask(stop, stoppedSchema, 1_000);
  await clock.advance(0);
  const exit = { type: 'exit', status: 0, signal: null, reason: 'exited', at_ms: 6 };
  const lines = [
    { id: 1, ok: true, result: STOPPED },
    { ...exit, instance: 'a' },
  ];
  guest.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  t.deepEqual((await stopped).value, STOPPED);
  await clock.advance(0);
  t.deepEqual([exits.length, closed.length], [1, 1]);
});

test('what is asked in one turn of the event loop is written at once, in order', async (t) => {
  const { channel, guest, say, clock } = wire();
  await say(HELLO);
  const chunks: string[] = [];
  guest.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  const asked = ['i1', 'i2', 'i3'].map((instance) => {
    return channel.ask({ type: 'stop', instance }, stoppedSchema, 1_000);
  });
  await clock.advance(0);
  t.is(chunks.length, 1);
  t.deepEqual(
    chunks[0]
      ?.trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line).instance),
    ['i1', 'i2', 'i3'],
  );
  await say(...[1, 2, 3].map((id) => ({ id, ok: true, result: STOPPED })));
  t.is((await Promise.all(asked)).length, 3);
});

test('a request that is not written yet when the channel ends fails as every other', async (t) => {
  const { channel, say } = wire();
  await say(HELLO);
  const asked = channel.ask(stop, stoppedSchema, 1_000);
  channel.close();
  t.like(await t.throwsAsync(asked), { code: 'HP_GUEST_CLOSED' });
});

test('hello is found behind boot noise, also when it comes in pieces', async (t) => {
  const { channel, raw } = wire();
  const text = `{"half a line}\nBooting \u0000...\n{"type":"event"}\n${JSON.stringify(HELLO)}\n`;
  for (const letter of text) await raw(letter);
  t.like(await channel.hello, { kernel: '6.12' });
});

test('who knocked takes the hello in the answer, where the guest says none by itself', async (t) => {
  const { channel, say, closed } = wire();
  channel.knock();
  const of_another = [7, 1].map((id) => ({ id, ok: true, result: STOPPED }));
  await say(...of_another, { id: 1, ok: true, result: HELLO });
  t.like(await channel.hello, { kernel: '6.12' });
  const asked = channel.ask(stop, stoppedSchema, 1_000);
  await say({ id: 2, ok: true, result: STOPPED });
  t.truthy((await asked).value);
  t.deepEqual(closed, []);
});

test('replies find their requests in any order', async (t) => {
  const { channel, say } = wire();
  await say(HELLO);
  const first = channel.ask(stop, stoppedSchema, 1_000);
  const second = channel.ask(stop, stoppedSchema, 1_000);
  await say(
    { id: 2, ok: true, result: { ...STOPPED, peak_bytes: 2 } },
    { id: 99, ok: true, result: null },
    { id: 1, ok: true, result: STOPPED },
  );
  t.is((await first).value.peak_bytes, 1);
  t.is((await second).value.peak_bytes, 2);
});

test('a refusal carries the code of the guest and leaves the channel open', async (t) => {
  const { channel, say, closed } = wire();
  await say(HELLO);
  const asked = channel.ask(stop, stoppedSchema, 1_000);
  await say({ id: 1, ok: false, code: 'no-such-instance', message: 'unknown' });
  const error = await t.throwsAsync(asked);
  t.like(error, { code: 'HP_GUEST_REFUSED', details: { guest_code: 'no-such-instance' } });
  t.deepEqual(closed, []);
});

test('a request without an answer ends at its deadline, and a late answer is ignored', async (t) => {
  const { channel, say, clock, closed } = wire();
  await say(HELLO);
  const asked = channel.ask(stop, stoppedSchema, 1_000);
  await clock.advance(1_000);
  t.like(await t.throwsAsync(asked), { code: 'HP_GUEST_TIMEOUT', category: 'timeout' });
  await say({ id: 1, ok: true, result: STOPPED });
  t.deepEqual(closed, []);
});

test('exit events are told, also between replies', async (t) => {
  const { say, exits } = wire();
  const exit = { type: 'exit', instance: 'i1', status: null, signal: 9, reason: 'oom', at_ms: 1 };
  await say(HELLO, exit);
  t.like(exits, [{ instance: 'i1', reason: 'oom' }]);
});

const BROKEN: readonly {
  readonly name: string;
  readonly text: string;
  readonly code: string;
}[] = [
  { name: 'not JSON', text: 'oops\n', code: 'HP_GUEST_INVALID' },
  { name: 'a list', text: '[1]\n', code: 'HP_GUEST_INVALID' },
  { name: 'a reply that is none', text: '{"id":1,"ok":"yes"}\n', code: 'HP_GUEST_INVALID' },
  { name: 'an exit without a name', text: '{"type":"exit"}\n', code: 'HP_GUEST_INVALID' },
  {
    name: 'a result of the wrong shape',
    text: '{"id":1,"ok":true,"result":{}}\n',
    code: 'HP_GUEST_INVALID',
  },
  { name: 'a second hello', text: `${JSON.stringify(HELLO)}\n`, code: 'HP_GUEST_INVALID' },
  {
    name: 'an endless line',
    text: 'x'.repeat(PROTOCOL.line_bytes + 1),
    code: 'HP_GUEST_INVALID',
  },
];

for (const { name, text, code } of BROKEN) {
  test(`${name} after hello ends the channel and every request with ${code}`, async (t) => {
    const { channel, say, raw, closed } = wire();
    await say(HELLO);
    const asked = channel.ask(stop, stoppedSchema, 1_000);
    const failing = t.throwsAsync(asked);
    await raw(text);
    t.like(await failing, { code });
    t.like(closed, [{ code }]);
    t.true(channel.isOver);
    t.like(await t.throwsAsync(channel.ask(stop, stoppedSchema, 1_000)), { code });
  });
}

for (const [name, hello, code] of [
  ['a hello of another version', { ...HELLO, protocol: [3, 4] }, 'HP_GUEST_VERSION'],
  ['a hello without a kernel', { ...HELLO, kernel: '' }, 'HP_GUEST_INVALID'],
] as const) {
  test(`${name} is ${code}`, async (t) => {
    const { channel, say } = wire();
    const failing = t.throwsAsync(channel.hello);
    await say(hello);
    t.like(await failing, { code });
  });
}

test('a stream that ends fails what waits with HP_GUEST_CLOSED; close() tells nobody', async (t) => {
  const { channel, say, guest, clock, closed } = wire();
  await say(HELLO);
  const failing = t.throwsAsync(channel.ask(stop, stoppedSchema, 1_000));
  guest.end();
  await clock.advance(0);
  t.like(await failing, { code: 'HP_GUEST_CLOSED' });
  t.is(closed.length, 1);
  const other = wire();
  other.channel.close();
  await other.clock.advance(0);
  t.deepEqual(other.closed, []);
});

test('more requests than the limit are refused at once', async (t) => {
  const { channel, say } = wire();
  await say(HELLO);
  for (let count = 0; count < GUEST_LIMITS.requests_in_flight; count += 1) {
    channel.ask(stop, stoppedSchema, 1_000).catch(() => undefined);
  }
  const error = await t.throwsAsync(channel.ask(stop, stoppedSchema, 1_000));
  t.like(error, { code: 'HP_GUEST_BUSY' });
  channel.close();
});

test('a request that does not fit into a line is refused unsent, and the channel goes on', async (t) => {
  const { channel, guest, say } = wire();
  await say(HELLO);
  const sent: string[] = [];
  guest.on('data', (chunk: Buffer) => sent.push(chunk.toString('utf8')));
  const long = { type: 'stop', instance: 'i'.repeat(PROTOCOL.line_bytes) } as const;
  const error = await t.throwsAsync(channel.ask(long, stoppedSchema, 1_000));
  t.like(error, { code: 'HP_GUEST_REFUSED', details: { guest_code: 'too-long' } });
  const next = channel.ask(stop, stoppedSchema, 1_000);
  await say({ id: 1, ok: true, result: STOPPED });
  t.deepEqual((await next).value, STOPPED);
  t.is(sent.join('').length, `${JSON.stringify({ id: 1, ...stop })}\n`.length);
});

test('guest stamps go on the host clock by the tightest exchange, inside their own exchange', (t) => {
  const map = new ClockMap();
  t.is(map.toHost(7, 100, 200), 200, 'nothing known: the end of the exchange');
  map.learn(1_000, 1_100, 50);
  map.learn(2_000, 2_002, 1_001);
  t.is(map.toHost(1_101, 2_050, 2_200), 2_101);
  t.is(map.toHost(0, 2_050, 2_200), 2_050);
  t.is(map.toHost(9_999, 2_050, 2_200), 2_200);
});
