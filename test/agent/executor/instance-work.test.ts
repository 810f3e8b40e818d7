/** What an instance says and how it ends, in the order in which its guest said it. */
import { duplexPair } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { GuestLink } from '../../../agent/executor/guest-link.ts';
import { HeldPayloads } from '../../../agent/executor/held-payloads.ts';
import { InstanceWork } from '../../../agent/executor/instance-work.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { FAKE_HELLO } from '../../../agent/testing/fake-words.ts';
import { GuestChannel } from '../../../guest/protocol/channel.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { specOf } from '../core/world.ts';

const ABOUT = { vm_id: 'vm1', instance_id: 'i1', request_id: 'q1' } as const;
const STAMPS = { started_at_ms: 1, first_byte_at_ms: 1, finished_at_ms: 1, wall_ms: 1 };
const ANSWER = { id: 1, ok: true, result: STAMPS };
const REFUSAL = { id: 1, ok: false, code: 'instance-failed', message: 'exited' };
const EXIT = { type: 'exit', instance: 'i1', status: 1, signal: null, reason: 'exited', at_ms: 1 };

/** What is told of a call in whose time a guest says `words` at once; `how` it was asked for. */
async function told(
  t: ExecutionContext,
  words: readonly object[],
  how: 'invoke' | 'resume' = 'invoke',
): Promise<HostEvent['type'][]> {
  const clock = new FakeClock();
  const [stream, guest] = duplexPair();
  guest.resume();
  const heard: HostEvent['type'][] = [];
  const payloads = new HeldPayloads();
  const channel = new GuestChannel({
    vm_id: 'vm1',
    stream,
    clock,
    onExit: ({ instance }) => work.tellEnd(instance, () => void heard.push('instance-exited')),
    onClosed: () => undefined,
  });
  t.teardown(() => channel.close());
  const link = new GuestLink(channel, clock);
  const work = new InstanceWork({
    vm_id: 'vm1',
    spec: specOf('f'),
    payloads,
    emit: ({ type }) => void heard.push(type),
    guestOf: () => link,
    pciOf: () => '',
    beforeAnswer: () => undefined,
    networkOf: () => null,
    onStarted: () => undefined,
    tell: () => undefined,
  });
  const say = async (...lines: readonly object[]): Promise<void> => {
    guest.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await clock.advance(0);
  };
  await say(FAKE_HELLO);
  const call = { payload: Buffer.of(), content_type: '', timeout_ms: null, http: null };
  payloads.hold('q1', call);
  const about = { ...ABOUT, deadline_ms: 1_000 };
  const done =
    how === 'invoke'
      ? work.invoke({ type: 'invoke-instance', ...about })
      : work.resume({ type: 'await-invocation', ...about });
  await clock.advance(0);
  await say(...words);
  await clock.until(done);
  return heard;
}

test('a call that was answered is not failed by the end that came right behind', async (t) => {
  t.deepEqual(await told(t, [ANSWER, EXIT]), ['invocation-finished', 'instance-exited']);
});

test('of a call that was not answered the end of its instance tells why', async (t) => {
  t.deepEqual(await told(t, [EXIT, REFUSAL]), ['instance-exited', 'invocation-failed']);
  t.deepEqual(await told(t, [EXIT]), ['instance-exited', 'invocation-failed'], 'no word of it');
});

test('what is kept of a call of an earlier agent is told before an end that came first', async (t) => {
  const answered = ['invocation-finished', 'instance-exited'];
  t.deepEqual(await told(t, [EXIT, ANSWER], 'resume'), answered, 'it ended before it was asked');
  const failed = ['instance-exited', 'invocation-failed'];
  t.deepEqual(await told(t, [EXIT, REFUSAL], 'resume'), failed);
  t.deepEqual(await told(t, [EXIT], 'resume'), failed, 'no word of it');
});
