/** Pages that guests clear: what they told is kept and summed, and they are seldom asked for it. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { emulated } from '../../../agent/model/work.ts';
import { PageBook } from '../../../agent/observe/page-book.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';

const pages = (cleared: number, cleared_twice = 0) => ({
  cleared,
  skipped: 2 * cleared,
  prepared: 0,
  cleared_twice,
});

test('what a VM counted before its first word is not counted, and all after it is', (t) => {
  const book = new PageBook();
  t.is(book.of('f'), null);
  book.tell('f', 'vm1', pages(100), 1_000);
  t.deepEqual(book.of('f'), { pages: pages(0), told_at_ms: 1_000 });
  book.tell('f', 'vm1', pages(130, 1), 2_000);
  book.tell('f', 'vm2', pages(50), 3_000);
  book.tell('f', 'vm2', pages(55), 4_000);
  t.deepEqual(book.of('f'), { pages: pages(35, 1), told_at_ms: 2_000 });
  t.is(book.of('g'), null, 'what nobody told of is unknown');
});

test('a sum never goes down: not with a VM that is gone, and not by a guest’s word', (t) => {
  const book = new PageBook();
  book.tell('f', 'vm1', pages(0), 1);
  book.tell('f', 'vm1', pages(40), 2);
  book.tell('f', 'vm1', pages(10), 3);
  t.is(book.of('f')?.pages.cleared, 40);
  book.forget('f', 'vm1');
  t.deepEqual(book.of('f'), { pages: pages(40), told_at_ms: null });
  book.tell('f', 'vm2', pages(Number.MAX_SAFE_INTEGER), 4);
  t.is(book.of('f')?.pages.cleared, 40);
});

test('functions come and go, and their sums take no more room than there is', (t) => {
  const book = new PageBook();
  book.tell('stays', 'vm0', pages(0), 0);
  for (let index = 0; index <= AGENT_LIMITS.page_sums; index += 1) {
    book.tell(`f${index}`, `vm${index + 1}`, pages(0), index);
    book.forget(`f${index}`, `vm${index + 1}`);
  }
  t.is(book.of('f0'), null);
  t.not(book.of(`f${AGENT_LIMITS.page_sums}`), null);
  t.not(book.of('stays'), null, 'its VM is there');
});

const ready = (pages_cleared: number) => ({
  ready_bytes: 0,
  pages_cleared,
  pages_skipped: 0,
  pages_prepared: 0,
  pages_cleared_twice: 0,
});

test('a guest that counts is asked once a minute, busy or not, and no other is', async (t) => {
  const host = fakeHost();
  const { agent, clock, hypervisor } = host;
  await clock.until(agent.deploy(specOf('f', { keep_alive_ms: 1e7 })));
  await clock.until(agent.deploy(specOf('g')));
  const [f, g] = hypervisor.vms.map((vm) => vm.guest);
  if (!f || !g) throw new Error('both functions have a VM');
  f.ready = ready(10);
  await clock.until(agent.status('f'));
  const asked = [f.stats_asked.length, g.stats_asked.length];
  f.ready = ready(25);
  for (let second = 0; second < 2 * AGENT_LIMITS.guest_pages_ms; second += 1_000) {
    await clock.advance(1_000);
    // Told of what it runs, its guest is never pinged.
    if (second % 5_000 === 0) await clock.until(agent.invoke('f', `${second}`, emulated(WORK)));
  }
  t.is(agent.pages.of('f')?.pages.cleared, 15);
  const whole = f.stats_asked.slice(asked[0]).filter((regions) => regions === null);
  t.true(whole.length >= 1 && whole.length <= 2, `${whole.length} times`);
  t.is(g.stats_asked.length, asked[1] ?? 0);
  t.is(agent.pages.of('g'), null);
  await clock.until(agent.stop(0));
  t.is(agent.pages.of('f')?.told_at_ms, null);
});
