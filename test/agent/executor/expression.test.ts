/**
 * Sizes by memory expressions through the real agent, over a simulated VMM and guest: what is told
 * of them, and each way in which they are known to be wrong. None kills a function that can grow.
 */
import test from 'ava';
import fc from 'fast-check';
import { callMemory } from '../../../agent/model/call-memory.ts';
import { CHECKS_DECIDE } from '../../../agent/model/expression-ledger.ts';
import type { Invocation, Report } from '../../../agent/model/records.ts';
import { emulated, type Work } from '../../../agent/model/work.ts';
import { explain } from '../../../agent/observe/explain.ts';
import type { FakeFaults, FakeVm } from '../../../agent/testing/fake-hypervisor.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { type FakeHost, fakeHost } from '../../fakes/host.ts';
import { holds } from '../../seed.ts';
import { sizedBy } from '../core/sized.ts';
import { specOf, WORK } from '../core/world.ts';

/** The `n` of these functions is the CPU time of the work: whatever else it does is told apart. */
const N = { n: { pointer: '/cpu_ms', min: 0, max: 800 } };
const MIB_OF_N = { parameters: N, peak: '1MiB * n', freed: '1MiB * n' };

interface Sized extends FakeHost {
  readonly invocations: Invocation[];
  readonly reports: Report[];
}

async function sizedHost(
  block: object = MIB_OF_N,
  keep_alive_ms = 100,
  faults: Partial<FakeFaults> = {},
): Promise<Sized> {
  const host = fakeHost(faults, 8 * GIB, {}, HISTORY_POLICY);
  const part = { mechanism: 'hotmem', limit_bytes: GIB, concurrency: 1, keep_alive_ms };
  await host.clock.until(host.agent.deploy(specOf('f', { ...part, memory: sizedBy(block) })));
  const seen: Sized = { ...host, invocations: [], reports: [] };
  const records = host.agent.watch({ records: ['invocation', 'report'] });
  void (async () => {
    for await (const { invocation, report } of records) {
      if (invocation) seen.invocations.push(invocation);
      if (report) seen.reports.push(report);
    }
  })();
  return seen;
}

/** One call of `n` that holds so much, and what became of it. */
async function call({ agent, clock }: Sized, n: number, bytes: number, part: Partial<Work> = {}) {
  const work = { ...WORK, cpu_ms: n, anonymous_bytes: bytes, ...part };
  return await clock.until(agent.invoke('f', 'x', emulated(work)));
}

const ledgerOf = ({ agent }: Sized) => {
  const ledger = agent.state.functions.get('f')?.expression;
  if (!ledger) throw new Error('the function has an expression');
  return ledger;
};

test('what was expected of a call, why, and what it came to are in its record', async (t) => {
  const host = await sizedHost();
  const end = await call(host, 100, 90 * MIB);
  t.like(end, { outcome: 'done', expected_bytes: 100 * MIB, peak_bytes: 90 * MIB });
  t.regex(end.expected_because ?? '', /^its expression says 100 MiB for a cold call with n = 100$/);
  await host.clock.until(host.agent.stop(0));
});

const ENDS = {
  program: ({ guest }: FakeVm) => {
    for (const instance of guest.instances.keys()) guest.exit(instance, 'exited');
  },
  VM: (vm: FakeVm) => vm.die(),
  // Its VMM is there until it is ended.
  kernel: (vm: FakeVm) => vm.tell({ type: 'guest-panicked', at_ms: 0 }),
} as const;

for (const [who, end] of Object.entries(ENDS)) {
  test(`a ${who} that ends while the agent asks for its peak has answered its call`, async (t) => {
    const WALL_MS = 3_000;
    let seen: Sized | null = null;
    let over_at_ms = Number.POSITIVE_INFINITY;
    const guest: FakeFaults['guest'] = (type) => {
      const now_ms = seen?.clock.nowMs() ?? 0;
      if (type === 'invoke') over_at_ms = now_ms + WALL_MS;
      if (type !== 'stats' || now_ms < over_at_ms) return 'none';
      const [vm] = seen?.hypervisor.alive() ?? [];
      if (vm) end(vm);
      return 'slow';
    };
    const host = await sizedHost(MIB_OF_N, 1e6, { guest });
    seen = host;
    const { agent, clock, hypervisor } = host;
    const told = await call(host, 100, 90 * MIB, { wall_ms: WALL_MS });
    t.like(told, { outcome: 'done', peak_bytes: null }, told.failure?.message);
    await clock.advance(5_000);
    t.is(hypervisor.pluggedBytes(), 0, 'it is gone, and its memory with it');
    await clock.until(agent.stop(0));
  });
}

test('status, explain and the estimate tell the same', async (t) => {
  const host = await sizedHost({ ...MIB_OF_N, base: '10MiB' }, 1e6);
  const { agent, clock } = host;
  await call(host, 100, 105 * MIB);
  const [told] = (await clock.until(agent.status('f'))).functions;
  t.like(told?.memory?.expression, { answered: 1, checked: 1, wrong: 0, distrusted_because: null });
  t.is(told?.memory?.expression?.latest[0]?.expected_bytes, 110 * MIB);
  const [instance] = [...agent.state.vms.values()].flatMap(({ instances }) => instances);
  const about = { policy: 'history', now_ms: clock.nowMs() };
  const why = explain(agent.state, instance?.id ?? '', about);
  t.like(why, { expected_bytes: 110 * MIB, peak_bytes: 105 * MIB });
  const payload = Buffer.from(JSON.stringify({ cpu_ms: 200 }));
  const before = agent.state;
  const estimate = agent.estimate({ function: 'f', payload });
  t.like(estimate, {
    start_bytes: 210 * MIB,
    worst_bytes: 810 * MIB,
    max_bytes: GIB,
    cold: { peak_bytes: 210 * MIB, kept_bytes: 10 * MIB },
    inputs: { n: 200 },
    why_not: null,
  });
  t.is(agent.state, before, 'nothing is changed by it');
  const other = agent.estimate({ function: 'f', payload: Buffer.from('none') });
  t.like(other, { start_bytes: 256 * MIB, cold: null, why_not: 'the payload is no JSON' });
  t.throws(() => agent.estimate({ function: 'g', payload }), { code: 'HP_AGENT_NO_FUNCTION' });
  await clock.until(agent.stop(0));
});

test('a guest that does not tell its peak leaves the answer unchecked, and the call done', async (t) => {
  for (const fault of ['refuse', 'silent'] as const) {
    let is_asked = false;
    const guest = (type: string) => (type === 'stats' && is_asked ? fault : 'none');
    const host = await sizedHost(MIB_OF_N, 100, { guest });
    is_asked = true;
    t.like(await call(host, 100, 90 * MIB), { outcome: 'done', peak_bytes: null });
    t.like(ledgerOf(host), { answered: 1, checked: 0 });
    is_asked = false;
    await host.clock.until(host.agent.stop(0));
  }
});

interface Mode {
  readonly why: string;
  /** What the function says. */
  readonly block?: object;
  /** What its call with `n` really holds, in MiB; `count`: calls before it. */
  readonly needs: (n: number, count: number) => number;
  readonly told: 'wrong' | 'right' | 'no answer';
  readonly n?: number;
}

/** elastic memory interfaces fail in these ways; each with a function that does. */
const FAILURE_MODES: readonly Mode[] = [
  { why: 'a view is counted twice', needs: (n) => n / 2, told: 'wrong' },
  { why: 'a temporary is not counted', needs: (n) => 2 * n, told: 'wrong' },
  { why: 'the old value lives until the new is there', needs: (n) => 2 * n, told: 'wrong' },
  { why: 'a library works on copies', needs: (n) => 3 * n, told: 'wrong' },
  { why: 'the base is not declared', needs: (n) => n + 34, told: 'wrong' },
  {
    why: 'arenas and rounding are in the base',
    block: { ...MIB_OF_N, base: '12MiB' },
    needs: (n) => n + 17,
    told: 'right',
  },
  { why: 'many small objects take whole pages', needs: (n) => 1.6 * n, told: 'wrong' },
  { why: 'items are twice as wide', needs: (n) => 2 * n, told: 'wrong' },
  { why: 'items are half as wide', needs: (n) => n / 2, told: 'wrong' },
  { why: 'the size is in the data', needs: (n, count) => (count % 2) * 5 * n + 1, told: 'wrong' },
  { why: 'a generator holds one at a time', needs: () => 1, told: 'wrong' },
  { why: 'an exception keeps its frame', needs: (n) => n, told: 'right' },
  { why: 'threads and child processes are there too', needs: (n) => n + 64, told: 'wrong' },
  { why: 'a file in /tmp is no memory of the partition', needs: () => 2, told: 'wrong' },
  { why: 'a parameter is beyond its range', n: 900, needs: () => 500, told: 'no answer' },
  { why: 'a payload lies', n: 1, needs: () => 700, told: 'wrong' },
  {
    why: 'a parameter is not there',
    block: { ...MIB_OF_N, parameters: { n: { pointer: '/n', max: 100 } } },
    needs: () => 300,
    told: 'no answer',
  },
];

for (const { why, block, needs, told, n = 100 } of FAILURE_MODES) {
  test(`no call is killed, and a wrong size is told within ${CHECKS_DECIDE}: ${why}`, async (t) => {
    const host = await sizedHost(block);
    for (let count = 0; count < CHECKS_DECIDE + 2; count += 1) {
      const end = await call(host, n, Math.ceil(needs(n, count) * MIB));
      t.is(end.outcome, 'done');
      await host.clock.advance(2_000);
      if (told === 'wrong' && count + 1 >= CHECKS_DECIDE) t.truthy(ledgerOf(host).distrusted);
    }
    const { distrusted, answered, unanswered, wrong } = ledgerOf(host);
    t.is(distrusted !== null, told === 'wrong');
    t.is(wrong > 0, told === 'wrong');
    t.deepEqual([answered > 0, unanswered > 0], [told !== 'no answer', told === 'no answer']);
    const codes = host.reports.map(({ code }) => code);
    t.deepEqual(codes, told === 'wrong' ? ['HP_AGENT_EXPRESSION_WRONG'] : []);
    await host.clock.until(host.agent.stop(0));
  });
}

test('a cached model makes the first call another than those after it, which have sizes of their own', async (t) => {
  const block = { ...MIB_OF_N, peak: '300MiB', freed: '0', warm: { peak: '1MiB * n', freed: '0' } };
  const host = await sizedHost({ ...block, base: '10MiB' }, 1e6);
  const cold = await call(host, 100, 310 * MIB);
  t.like(cold, { cold: true, expected_bytes: 310 * MIB });
  const warm = await call(host, 100, 310 * MIB);
  t.like(warm, { cold: false, expected_bytes: 110 * MIB, outcome: 'done' });
  t.like(ledgerOf(host), { answered: 2, wrong: 0 });
  await host.clock.until(host.agent.stop(0));
});

test('what a caught exception keeps is not taken, whatever is said to be freed', async (t) => {
  const host = await sizedHost(MIB_OF_N, 1e6);
  // The fake guest goes on calling all of it used.
  await call(host, 200, 200 * MIB);
  await host.clock.advance(10_000);
  t.is(host.hypervisor.pluggedBytes(), 200 * MIB);
  await host.clock.until(host.agent.stop(0));
});

test('a call that never ends is ended by its deadline, and held against nothing', async (t) => {
  const host = await sizedHost();
  const { agent, clock } = host;
  const endless = { ...emulated({ ...WORK, cpu_ms: 100, wall_ms: 1e6 }), timeout_ms: 1_000 };
  const end = await clock.until(agent.invoke('f', 'x', endless));
  t.is(end.outcome, 'failed');
  t.like(ledgerOf(host), { answered: 0, checked: 0, distrusted: null });
  await clock.until(agent.stop(0));
});

test('whatever an expression says and a call takes, the call is done and the book holds', async (t) => {
  await holds(
    t,
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(900), fc.nat(1000)), { minLength: 1, maxLength: 8 }),
      fc.constantFrom(0, 1e6),
      async (calls, keep_alive_ms) => {
        const host = await sizedHost(MIB_OF_N, keep_alive_ms);
        for (const [n, mib] of calls) {
          const end = await call(host, n, mib * MIB);
          if (end.outcome !== 'done') return false;
        }
        await host.clock.until(host.agent.stop(0));
        return host.agent.grantedBytes() === 0 && host.hypervisor.pluggedBytes() === 0;
      },
    ),
    { runs: 4 },
  );
});

test('payloads of any bytes have an answer or a reason, and never an error', async (t) => {
  const spec = specOf('f', { memory: sizedBy() });
  await holds(
    t,
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const memory = callMemory(spec, bytes);
        return memory !== null && (memory.why_not !== undefined || memory.cold.peak_bytes > 0);
      },
    ),
  );
});
