/** A call with a key is run once, however often it is asked, by whichever agent it is answered. */
import test from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeptAnswers, keyOf } from '../../../agent/executor/kept-answers.ts';
import type { InvokeReply } from '../../../agent/model/actions.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { Table } from '../../../agent/model/table.ts';
import { emulated } from '../../../agent/model/work.ts';
import type { Clock } from '../../../base/clock.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { WORK } from '../core/world.ts';
import { KillingHost } from './killing-host.ts';

const CALL = emulated(WORK);
const TICK: HostEvent = { type: 'tick' };

const reply = (outcome: 'done' | 'refused'): InvokeReply => ({
  kind: 'invoke',
  invocation_id: 'x',
  instance_id: outcome === 'done' ? 'i1' : null,
  cold: false,
  outcome,
  failure: null,
  received_at_ms: 1,
  assigned_at_ms: outcome === 'done' ? 2 : null,
  instance_ready_at_ms: null,
  start: null,
  result: null,
  operation_id: null,
  sized: null,
});

const keyNamed = (idempotency_key: string) => {
  const key = keyOf({ ...CALL, idempotency_key });
  if (!key) throw new Error('a call with a key has one');
  return key;
};

function kept({ count = 100, bytes = 1e6, kept_ms = 1_000, answer_bytes = 10 } = {}) {
  const clock = new FakeClock();
  const rows = new Map<string, string>();
  const parts = {
    clock,
    bounds: { count, bytes, kept_ms },
    answerOf: () => ({ bytes: Buffer.alloc(answer_bytes, 1), content_type: 'x/y', http: null }),
  };
  const one = new KeptAnswers({ ...parts, rows: new Map() });
  const end = (key: string, outcome: 'done' | 'refused' = 'done', event = TICK): void => {
    one.open('f', keyNamed(key), `q-${key}`);
    const action = { type: 'reply', request_id: `q-${key}`, reply: reply(outcome) } as const;
    for (const change of one.decided(event, [action], Table.empty())) {
      if (change.row === null) rows.delete(change.key);
      else rows.set(change.key, change.row);
    }
    one.told(`q-${key}`, null);
  };
  const next = (by: Clock = clock) => new KeptAnswers({ ...parts, clock: by, rows });
  return { one, clock, rows, end, next };
}

test('an answer is there for who asks again, under the next agent too, for so long', async (t) => {
  const { one, clock, end, next } = kept();
  end('k');
  const first = await one.find('f', keyNamed('k'));
  t.is(first?.answer?.bytes.length, 10);
  const second = next();
  t.deepEqual(await second.find('f', keyNamed('k')), first);
  t.is(second.find('g', keyNamed('k')), null, 'a key is of one function');
  await clock.advance(1_001);
  t.is(second.find('f', keyNamed('k')), null);
});

test('an answer of before the host booted is kept as long as others, and no longer', async (t) => {
  const { clock, end, next } = kept();
  await clock.advance(1_000_000);
  end('k');
  const booted = new FakeClock();
  const second = next(booted);
  t.truthy(second.find('f', keyNamed('k')));
  await booted.advance(1_001);
  t.is(second.find('f', keyNamed('k')), null);
});

test('answers are bounded in number and bytes, and the oldest go, from the store too', (t) => {
  for (const bounds of [{ count: 3 }, { bytes: 3_500, answer_bytes: 300 }]) {
    const { one, rows, end } = kept(bounds);
    for (let at = 0; at < 20; at += 1) end(`k${at}`);
    const { count } = one.size;
    t.true(count >= 1 && count <= 3, `${count} are kept`);
    t.is(rows.size, count);
    t.truthy(one.find('f', keyNamed('k19')));
    t.is(one.find('f', keyNamed('k0')), null);
  }
});

test('what no instance took is tried again', (t) => {
  const { one, rows, end } = kept();
  end('k', 'refused');
  t.is(one.find('f', keyNamed('k')), null);
  t.is(rows.size, 0);
});

test('a key for something else is refused', (t) => {
  const { one, end } = kept();
  end('k');
  const other = keyOf({ ...emulated({ ...WORK, cpu_ms: 77 }), idempotency_key: 'k' });
  t.throws(() => other && one.find('f', other), { message: /key 'k' was used for another call/ });
});

test('answers of a function go with it', (t) => {
  const { one, rows, end } = kept();
  end('k');
  end('l', 'refused', { type: 'vm-gone', vm_id: 'vm1' });
  t.is(one.find('f', keyNamed('k')), null);
  t.is(rows.size, 0);
});

test('asked again while it runs, and after, a call runs once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-keys-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const host = new KillingHost(join(folder, 'state.db'), 0, false);
  await host.start();
  await host.endsWell(host.deploy());
  host.call('one', 'k');
  host.call('two', 'k');
  await host.until(() => host.ends.length === 2);
  host.call('three', 'k');
  await host.until(() => host.ends.length === 3);
  t.is(host.invocations, 1);
  const [first] = host.ends;
  t.true((first?.answer.length ?? 0) > 0);
  for (const one of host.ends) t.deepEqual({ ...one, id: '' }, { ...first, id: '' });
  host.agent.close();
  host.store.close();
});

/** Its agent is killed at step `at`; asked again of the next one. Null: there is no such step. */
async function askedAgain(folder: string, at: number): Promise<KillingHost | null> {
  const host = new KillingHost(join(folder, `${at}.db`), at, false);
  await host.start();
  await host.endsWell(host.deploy());
  host.call('first', 'k');
  await host.until(() => host.ends.length > 0);
  await host.until(() => host.isQuiet());
  if (host.killed_in === null) return null;
  host.store.close();
  await host.start();
  await host.endsWell(host.deploy());
  host.ends.length = 0;
  host.call('again', 'k');
  await host.until(() => host.ends.length > 0);
  return host;
}

test('killed at any step, a call that is asked again ran once at most, and its answer is the same', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-keys-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const ends = new Set<string>();
  let at = 1;
  for (; at < 1_000; at += 1) {
    const host = await askedAgain(folder, at);
    if (!host) break;
    const when = `step ${at}, ${host.killed_in}`;
    t.true(host.invocations <= 1, `${when}: ran ${host.invocations} times`);
    const [again] = host.ends;
    ends.add(`${again?.invocation_id} ${again?.end}`);
    t.regex(again?.end ?? 'no answer', /^(done|HP_AGENT_ANSWER_LOST)$/, when);
    if (host.done.includes('first')) t.like(again, { invocation_id: 'first', end: 'done' }, when);
    host.agent.close();
    host.store.close();
  }
  t.log(`${at - 1} steps: ${[...ends].toSorted().join(', ')}`);
  for (const end of ['first done', 'again done']) t.true(ends.has(end), end);
});
