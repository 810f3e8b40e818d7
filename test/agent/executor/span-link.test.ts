/** What goes between core and guest about spans, over a real channel with a guest of words. */
import { duplexPair } from 'node:stream';
import test from 'ava';
import { GuestLink } from '../../../agent/executor/guest-link.ts';
import { SpanLink } from '../../../agent/executor/span-link.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { REFUSALS } from '../../../agent/model/refusals.ts';
import { FAKE_HELLO } from '../../../agent/testing/fake-words.ts';
import { MIB } from '../../../base/units.ts';
import { GuestChannel } from '../../../guest/protocol/channel.ts';
import { FakeClock } from '../../fakes/clock.ts';

const OF_DATA = { vm_id: 'vm1', instance_id: 'i1', span: 'data' } as const;

async function linked() {
  const [stream, guest] = duplexPair();
  const clock = new FakeClock();
  const events: HostEvent[] = [];
  const asked: string[] = [];
  guest.on('data', (chunk: Buffer) => asked.push(...chunk.toString().trim().split('\n')));
  const spans = new SpanLink({
    clock,
    vm_id: 'vm1',
    tell: () => undefined,
    emit: (event) => void events.push(event),
    pciOf: () => '0000:00:02.0',
  });
  const channel = new GuestChannel({
    vm_id: 'vm1',
    stream,
    clock,
    onExit: () => undefined,
    onSpan: (event) => spans.hear(event),
    onClosed: () => undefined,
  });
  spans.open(new GuestLink(channel, clock));
  spans.take();
  /** Comes as one piece, as from a guest that was not read for a while. */
  const say = async (...messages: unknown[]): Promise<void> => {
    guest.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
    await clock.advance(0);
  };
  await say(FAKE_HELLO);
  const of_span = { type: 'span', instance: 'i1', span: 'data', bytes: MIB, at_ms: 1 };
  return { clock, events, asked, spans, say, of_span };
}

test('a refused word of a span and the next asking in one piece: the next one is not closed', async (t) => {
  const { events, asked, spans, say, of_span, clock } = await linked();
  const granted = spans.grant({ type: 'open-span', ...OF_DATA, region_id: 'r2', serial: 7 });
  await clock.advance(0);
  const request = JSON.parse(asked.at(-1) ?? '{}');
  t.like(request, { type: 'span', instance: 'i1', span: 'data', serial: 7 });
  const refused = { id: request.id, ok: false, code: 'no-such-span', message: 'it asks for none' };
  await say(refused, { ...of_span, state: 'asked', serial: 8 });
  await granted;
  t.like(events, [
    { type: 'span-closed', ...OF_DATA, serial: 7 },
    { type: 'span-asked', ...OF_DATA, serial: 8 },
  ]);
});

test('a guest that does not number what is asked for is answered without a number', async (t) => {
  const { events, asked, spans, say, of_span, clock } = await linked();
  await say({ ...of_span, state: 'asked' });
  t.like(events, [{ type: 'span-asked', ...OF_DATA, serial: null }]);
  const failure = REFUSALS.spanUnknown('data', []);
  void spans.refuse({ type: 'refuse-span', ...OF_DATA, serial: null, failure });
  await clock.advance(0);
  const request = JSON.parse(asked.at(-1) ?? '{}');
  t.like(request, { type: 'span', span: 'data', failure: `${failure.code}: ${failure.message}` });
  t.false('serial' in request);
});
