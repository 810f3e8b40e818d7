/** Instances are sized by what their function's expression says of a call, and it is checked. */
import test from 'ava';
import fc from 'fast-check';
import { CHECKS_DECIDE, CHECKS_KEPT } from '../../../agent/model/expression-ledger.ts';
import { GIB, MIB, roundUp } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { MATMUL, matmulBytes, SizedWorld, sizedBy } from './sized.ts';
import { World } from './world.ts';

/** What is plugged for so many bytes: whole blocks of 2 MiB. */
const blocks = (bytes: number): number => roundUp(bytes, 2 * MIB) / MIB;

test('a cold start is plugged for what the expression says of its call, in whole blocks', (t) => {
  const world = new SizedWorld();
  world.call({ n: 1000 });
  t.is(world.pluggedMib, 58);
  t.regex(world.because, /its expression says 56.89 MiB for a cold call with n = 1000/);
});

test('every call within the declared ranges has at least what the expression says', async (t) => {
  await holds(
    t,
    fc.property(fc.integer({ min: 0, max: 4000 }), (n) => {
      const world = new SizedWorld();
      world.call({ n });
      return world.pluggedMib === blocks(matmulBytes(n));
    }),
    { runs: 20 },
  );
});

const NO_ANSWER: readonly (readonly [what: string, payload: object, why: RegExp])[] = [
  ['has no such member', { m: 1 }, /\/n of the payload is no finite number/],
  ['is out of range', { n: 4001 }, /it is 4001, and declared from 0 to 4000/],
  ['is negative', { n: -1 }, /it is -1/],
  ['is longer than is looked into', { n: 1, x: 'x'.repeat(300_000) }, /is longer than the 256 KiB/],
];
for (const [what, payload, why] of NO_ANSWER) {
  test(`a payload that ${what} is sized by the next of the chain, which says why`, (t) => {
    const world = new SizedWorld();
    world.call(payload);
    t.is(world.pluggedMib, 256);
    t.regex(world.because, /nothing is known yet: 256 MiB.*its expression has no answer: /);
    t.regex(world.because, why);
    world.finish(100 * MIB);
    t.like(world.ledger, { answered: 0, unanswered: 1, checked: 0 });
    t.regex(world.ledger.why_not ?? '', why);
  });
}

test('what a call frees goes back after the hold, and what it keeps stays', (t) => {
  const world = new SizedWorld();
  world.call({ n: 2000 });
  t.is(world.pluggedMib, blocks(matmulBytes(2000)));
  world.tell(120 * MIB);
  world.finish(125 * MIB);
  world.tell(40 * MIB);
  t.is(world.pluggedMib, 126, 'not at once: who calls again needs it again');
  world.advance(250);
  world.settleAll();
  t.is(world.pluggedMib, blocks(34 * MIB + 8 * 2000 * 2000));
  t.regex(world.because, /stay: its expression says/);
  t.is(world.region.span?.changes.at(-1)?.cause, 'shrink');
});

test('what the guest calls used is never taken, whatever the expression says is freed', (t) => {
  const world = new SizedWorld();
  world.call({ n: 2000 });
  world.finish(125 * MIB);
  world.tell(100 * MIB);
  world.advance(60_000);
  world.settleAll();
  t.is(world.pluggedMib, 100);
});

test('a warm instance grows for a call before its guest asks, and not for one that fits', (t) => {
  const world = new SizedWorld();
  world.call({ n: 1000 });
  world.finish(50 * MIB);
  world.begin({ n: 3000 });
  t.true(world.pendingTypes().includes('invoke-instance'), 'the call does not wait for it');
  t.true(world.pendingTypes().includes('plug r0'));
  world.settleAll();
  t.is(world.pluggedMib, blocks(matmulBytes(3000)));
  world.finish(230 * MIB);
  world.call({ n: 100 });
  t.is(world.pluggedMib, blocks(matmulBytes(3000)), 'nothing is taken from a call that runs');
});

test('where nobody can wait for growth an expression takes nothing away', (t) => {
  for (const mechanism of ['virtio-mem', 'numa'] as const) {
    const world = new SizedWorld(sizedBy(), mechanism);
    world.call({ n: 1000 });
    t.true(world.pluggedMib >= 256, mechanism);
    world.finish(null);
    world.endInstance();
    world.call({ n: 4000 });
    t.true(world.pluggedMib * MIB >= matmulBytes(4000), mechanism);
  }
});

test('a region that is plugged for nobody is sized by the next of the chain', (t) => {
  const world = new SizedWorld();
  world.setTargets('f', { reserve: 1 });
  world.settleAll();
  t.is(world.pluggedMib, 256);
});

const REFUSED: readonly (readonly [what: string, block: object, code: string, why: RegExp])[] = [
  [
    'a parameter without a range',
    { parameters: { n: '/n' }, peak: '8 * n' },
    'HP_MUX_UNBOUNDED',
    /'n' has no declared range/,
  ],
  [
    'a worst case beyond the limit',
    { ...MATMUL, parameters: { n: { pointer: '/n', max: 8000 } } },
    'HP_AGENT_EXPRESSION_BEYOND',
    /comes to 1.*GiB at the most, more than its limit of 1 GiB/,
  ],
  [
    'a worst case beyond all measure',
    { parameters: { n: { pointer: '/n', max: 1e9 } }, peak: 'n*n*n' },
    'HP_MUX_OVERFLOW',
    /beyond 2\^53/,
  ],
  [
    'a warm call beyond the limit',
    { ...MATMUL, warm: { peak: '1000 * n * n' } },
    'HP_AGENT_EXPRESSION_BEYOND',
    /at the most/,
  ],
];
for (const [what, block, code, why] of REFUSED) {
  test(`a deploy is refused: ${what}`, (t) => {
    const world = new World(16 * GIB);
    world.context = new SizedWorld().context;
    const request = world.deploy('f', 'hotmem', { limit_bytes: GIB, memory: sizedBy(block) });
    const [reply] = world.replies.get(request) ?? [];
    t.like(reply, { kind: 'error', failure: { code } });
    t.regex(reply?.kind === 'error' ? reply.failure.message : '', why);
  });
}

test('admission goes by the worst case: a host that could not give it refuses the deploy', (t) => {
  const { context } = new SizedWorld();
  const worst_bytes = roundUp(matmulBytes(4000), 2 * MIB);
  for (const [more, code] of [
    [0, undefined],
    [-MIB, 'HP_AGENT_NO_MEMORY'],
  ] as const) {
    const world = new World(256 * MIB + worst_bytes + more);
    world.context = context;
    const request = world.deploy('f', 'hotmem', { limit_bytes: GIB, memory: sizedBy() });
    const [reply] = world.replies.get(request) ?? [];
    t.is(reply?.kind === 'error' ? reply.failure.code : undefined, code);
  }
});

/** One cold call with n = 1000, of which 57 MiB are expected. */
function coldCall(world: SizedWorld, peak_bytes: number | null): void {
  world.call({ n: 1000 });
  world.finish(peak_bytes);
  world.endInstance();
}

test('answers are held against the measured peak, and the ledger has them', (t) => {
  const world = new SizedWorld();
  coldCall(world, 56 * MIB);
  coldCall(world, null);
  coldCall(world, 100 * MIB);
  t.like(world.ledger, { answered: 3, checked: 2, wrong: 1, below: 1, distrusted: null });
  t.like(world.ledger.worst, { peak_bytes: 100 * MIB, inputs: { n: 1000 }, is_wrong: true });
  t.is(world.ledger.latest.length, 2);
});

test('an expression that is wrong is not gone by within K calls, and again after K right ones', (t) => {
  for (const peak_bytes of [200 * MIB, 10 * MIB]) {
    const world = new SizedWorld();
    for (let count = 0; count < 100; count += 1) coldCall(world, 57 * MIB);
    let calls = 0;
    while (!world.ledger.distrusted && calls < CHECKS_DECIDE) {
      coldCall(world, peak_bytes);
      calls += 1;
    }
    t.true(calls <= CHECKS_DECIDE && world.ledger.distrusted !== null);
    t.deepEqual(world.reports, ['HP_AGENT_EXPRESSION_WRONG'], 'told once');
    world.call({ n: 1000 });
    t.is(world.pluggedMib, 256, 'the next of the chain decides');
    t.regex(world.because, /its expression is not gone by: 3 of the last 5 answers were wrong/);
    world.finish(57 * MIB);
    world.endInstance();
    for (let count = 1; count < CHECKS_DECIDE; count += 1) coldCall(world, 57 * MIB);
    t.is(world.ledger.distrusted, null);
    world.call({ n: 1000 });
    t.is(world.pluggedMib, 58);
    t.true(world.ledger.latest.length <= CHECKS_KEPT);
  }
});

test('a peak that another call of the instance had says only that this one took no more', (t) => {
  const world = new SizedWorld();
  world.call({ n: 3000 });
  world.finish(matmulBytes(3000));
  world.call({ n: 1000 });
  world.finish(matmulBytes(3000));
  t.like(world.ledger, { answered: 2, checked: 1, wrong: 0 });
  world.call({ n: 4000 });
  world.finish(matmulBytes(3000));
  t.like(world.ledger, { answered: 3, checked: 2, wrong: 1, below: 0 });
});

test('an unusual peak is no reason to distrust: one of many calls', async (t) => {
  await holds(
    t,
    fc.property(fc.array(fc.nat({ max: 4 }), { maxLength: 30 }), (gaps) => {
      const world = new SizedWorld();
      for (const gap of gaps) {
        for (let count = 0; count < gap + 2; count += 1) coldCall(world, 57 * MIB);
        coldCall(world, 300 * MIB);
      }
      return world.ledger.distrusted === null && world.ledger.wrong === gaps.length;
    }),
    { runs: 10 },
  );
});
