/** Payloads over the guest channel: whole, in turn with control lines, and never without bound. */
import { duplexPair, type Duplex } from 'node:stream';
import test from 'ava';
import { z } from 'zod';
import type { HotplaneError } from '../../../base/errors.ts';
import { LineSplitter } from '../../../base/lines.ts';
import { type CutLine, cutLine, joinLine } from '../../../guest/protocol/attached-bytes.ts';
import { GuestChannel } from '../../../guest/protocol/channel.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { FAKE_HELLO } from '../../../agent/testing/fake-words.ts';
import { FakeClock } from '../../fakes/clock.ts';

interface Wire {
  readonly channel: GuestChannel;
  readonly guest: Duplex;
  readonly clock: FakeClock;
  readonly closed: HotplaneError[];
  /** Lines that reached the guest. */
  readonly lines: CutLine[];
  readonly invoke: (payload: Uint8Array, deadline_ms?: number) => ReturnType<GuestChannel['ask']>;
  readonly tell: (json: object, attached?: Uint8Array) => Promise<void>;
}

async function wire(): Promise<Wire> {
  const [stream, guest] = duplexPair();
  const clock = new FakeClock();
  const closed: HotplaneError[] = [];
  const lines: CutLine[] = [];
  const splitter = new LineSplitter({
    limit_bytes: PROTOCOL.line_bytes,
    onBytes: (line) => {
      const cut = cutLine(line);
      if (cut) lines.push(cut);
    },
    onTooLong: (start) => {
      throw new Error(`a line of the agent is too long: ${start}`);
    },
  });
  guest.on('data', (chunk: Buffer) => splitter.push(chunk)).on('error', () => undefined);
  const channel = new GuestChannel({
    vm_id: 'vm1',
    stream,
    clock,
    onExit: () => undefined,
    onClosed: (error) => void closed.push(error),
  });
  const invoke: Wire['invoke'] = (payload, deadline_ms = 1_000) => {
    const about = { content_type: 'text/plain', payload_bytes: payload.length };
    const request = { type: 'invoke', instance: 'i1', ...about } as const;
    return channel.ask(request, z.unknown(), deadline_ms, payload);
  };
  const tell: Wire['tell'] = async (json, attached) => {
    const text = JSON.stringify(json);
    guest.write(attached ? joinLine(text, attached) : `${text}\n`);
    await clock.advance(0);
  };
  await tell(FAKE_HELLO);
  return { channel, guest, clock, closed, lines, invoke, tell };
}

const bytesOf = (lines: readonly CutLine[]): Buffer =>
  Buffer.concat(lines.flatMap(({ attached }) => (attached ? [attached] : [])));

const typesOf = (lines: readonly CutLine[]): readonly string[] =>
  lines.map(({ json }) => JSON.parse(json).type);

function patterned(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7) % 251));
}

test('a payload of one chunk goes with its request, its answer with the reply', async (t) => {
  const { invoke, lines, tell, clock } = await wire();
  const asked = invoke(Buffer.from('a\nb'));
  await clock.advance(0);
  t.deepEqual(typesOf(lines), ['invoke']);
  t.is(lines[0]?.attached?.toString(), 'a\nb');
  await tell({ id: 1, ok: true, result: { fine: true } }, Buffer.from('c\r\nd'));
  const { value, attached } = await asked;
  t.deepEqual(value, { fine: true });
  t.is(attached.toString(), 'c\r\nd');
});

test('no more of a payload is under way than its receiver has room for', async (t) => {
  const { invoke, lines, tell, clock } = await wire();
  const payload = patterned(1_000_000);
  const asked = invoke(payload, 60_000);
  await clock.advance(0);
  let taken = 0;
  while (bytesOf(lines).length < payload.length) {
    const sent = bytesOf(lines).length;
    t.true(sent - taken <= PROTOCOL.payload_window_bytes, `${sent - taken} bytes under way`);
    t.true(sent > taken, 'it goes on');
    const bytes = sent - taken;
    taken = sent;
    await tell({ type: 'credit', of: 1, bytes });
  }
  t.true(bytesOf(lines).equals(payload));
  await tell({ id: 1, ok: true, result: {} });
  t.is((await asked).attached.length, 0);
});

test('credit for what was never sent opens no larger window', async (t) => {
  const { invoke, lines, tell, clock } = await wire();
  const asked = invoke(patterned(3_000_000), 60_000);
  await clock.advance(0);
  const first = bytesOf(lines).length;
  await tell({ type: 'credit', of: 1, bytes: 10_000_000 });
  t.true(bytesOf(lines).length - first <= PROTOCOL.payload_window_bytes);
  await tell({ id: 1, ok: false, code: 'bad', message: 'x' });
  await t.throwsAsync(asked, { code: 'HP_GUEST_REFUSED' });
});

test('a control line waits for no payload, and payloads take turns', async (t) => {
  const { invoke, channel, lines, tell, clock } = await wire();
  const calls = [invoke(patterned(500_000)), invoke(patterned(500_000))];
  await clock.advance(0);
  const sent = lines.length;
  const ping = channel.ask({ type: 'ping' }, z.unknown(), 1_000);
  await clock.advance(0);
  t.is(typesOf(lines)[sent], 'ping', 'though both payloads have most of their way before them');
  await tell({ id: 3, ok: true, result: {} });
  await ping;
  for (const id of [1, 2]) await tell({ type: 'credit', of: id, bytes: 48 * 1024 });
  const turns = lines.slice(sent + 1).map(({ json }): unknown => JSON.parse(json).of);
  t.true(turns.includes(1) && turns.includes(2));
  for (const id of [1, 2]) await tell({ id, ok: true, result: {} });
  await Promise.all(calls);
});

test('of a request that timed out nothing more is sent, and its answer is dropped', async (t) => {
  const { invoke, lines, tell, clock, closed } = await wire();
  const late = t.throwsAsync(invoke(patterned(1_000_000), 100), { code: 'HP_GUEST_TIMEOUT' });
  await clock.advance(200);
  await late;
  const sent = lines.length;
  await tell({ type: 'credit', of: 1, bytes: 64 * 1024 });
  t.is(lines.length, sent);
  await tell({ type: 'chunk', of: 1 }, patterned(1_000));
  await tell({ id: 1, ok: true, result: {} }, patterned(1_000));
  t.deepEqual(closed, []);
});

test('an answer comes in chunks and is whole; one above 6 MiB ends the channel', async (t) => {
  const { invoke, tell, closed } = await wire();
  const answer = patterned(100_000);
  const asked = invoke(Buffer.of());
  for (let at = 0; at < 75_000; at += 25_000) {
    await tell({ type: 'chunk', of: 1 }, answer.subarray(at, at + 25_000));
  }
  await tell({ id: 1, ok: true, result: {} }, answer.subarray(75_000));
  t.true((await asked).attached.equals(answer));

  const endless = t.throwsAsync(invoke(Buffer.of()), { code: 'HP_GUEST_INVALID' });
  const chunk = patterned(PROTOCOL.payload_chunk_bytes);
  for (let sent = 0; sent <= PROTOCOL.payload_bytes; sent += chunk.length) {
    await tell({ type: 'chunk', of: 2 }, chunk);
  }
  await endless;
  t.is(closed[0]?.code, 'HP_GUEST_INVALID');
});

for (const [what, message] of [
  ['a chunk of nobody', { type: 'chunk' }],
  ['a credit of no size', { type: 'credit', of: 1, bytes: -1 }],
] as const) {
  test(`${what} is not the protocol`, async (t) => {
    const { tell, closed } = await wire();
    await tell(message);
    t.is(closed[0]?.code, 'HP_GUEST_INVALID');
  });
}

test('a guest of protocol 1 is refused: it takes no payload', async (t) => {
  const [stream, guest] = duplexPair();
  const channel = new GuestChannel({
    vm_id: 'vm1',
    stream,
    clock: new FakeClock(),
    onExit: () => undefined,
    onClosed: () => undefined,
  });
  guest.write(`${JSON.stringify({ ...FAKE_HELLO, protocol: [1, 1] })}\n`);
  await t.throwsAsync(channel.hello, { code: 'HP_GUEST_VERSION', message: /versions 1 to 1 only/ });
});

test('an agent of before, which sends 128 KiB ahead in whole chunks, never waits for credit', (t) => {
  const ahead_bytes = 128 * 1024;
  const { payload_chunk_bytes, payload_credit_bytes, payload_window_bytes } = PROTOCOL;
  const sent_bytes = Math.floor(ahead_bytes / payload_chunk_bytes) * payload_chunk_bytes;
  t.true(payload_credit_bytes <= sent_bytes);
  t.true(payload_credit_bytes + payload_chunk_bytes <= payload_window_bytes);
});
