/** What cannot have memory in two parts is told so, with the reason. */
import test from 'ava';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { refuseTiers } from '../../../agent/model/two-parts.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { QUARTER, SIZE, SPLITTING, TABLE, GROWS, running } from './split.ts';
import { finish } from './actions.ts';
import { specOf } from './world.ts';

const WHY_NOT: readonly (readonly [Partial<FunctionSpec>, RegExp])[] = [
  [{ mechanism: 'virtio-mem' }, /'virtio-mem' gives an instance no memory of its own/],
  [{ mechanism: 'static' }, /hotmem and numa do/],
  [{ spans: [{ name: 'data', max_bytes: GIB, host_node: null }] }, /it has spans/],
  [{ host_node: 2 }, /both parts are on host node 2/],
  [{ tiers: { ...QUARTER, table: TABLE } }, /never both/],
  [{ tiers: { ...QUARTER, share: null } }, /one share, or a table/],
  [{ limit_bytes: 128 * MIB }, /128 MiB are one block/],
  [{ tiers: { ...QUARTER, share: null, table: { ...TABLE, slo_ms: 10 } } }, /keeps 10 ms/],
  [{ concurrency: 200 }, /400 regions/],
  [{ memory: GROWS }, /is to follow its use/],
];

test('what cannot have two parts is refused with the reason', (t) => {
  for (const mechanism of SPLITTING) {
    const spec = specOf('f', { mechanism, tiers: QUARTER, ...SIZE });
    t.is(refuseTiers(spec), null);
    t.is(refuseTiers({ ...spec, tiers: null }), null);
    for (const [part, message] of WHY_NOT) {
      const refused = refuseTiers({ ...spec, ...part });
      t.is(refused?.code, 'HP_AGENT_NO_TIERS', String(message));
      t.regex(refused?.message ?? '', message);
    }
  }
});

test('a far node without a limit is refused, and so is what can never fit one of the nodes', (t) => {
  const world = running();
  const told = (part: Partial<FunctionSpec>): string => {
    const reply = world.reply(world.deploy('g', 'numa', { ...SIZE, tiers: QUARTER, ...part }));
    return reply?.kind === 'error' ? `${reply.failure.code} ${reply.failure.message}` : '';
  };
  t.regex(told({ tiers: { ...QUARTER, far_node: 3 } }), /HP_AGENT_NO_HOST_NODE .*host node 3/);
  t.regex(told({ limit_bytes: 4 * GIB }), /never run here: .* 1 GiB, more .* of host node 1/);
  // A choice could be all near, or all far.
  const tiers = { far_node: 2, share: null, table: TABLE };
  t.regex(told({ limit_bytes: GIB, tiers }), /never run here: .* 1 GiB, more .* of host node 1/);
});

for (const [mechanism, revision, serves] of [
  ['hotmem', '10', false],
  ['hotmem', '11', true],
  ['hotmem', '12', true],
  // Not known to be too old: its init tells.
  ['hotmem', '', true],
  ['numa', '10', true],
] as const) {
  test(`${mechanism} and revision '${revision}' of the series ${serves ? 'serve' : 'are refused'}`, (t) => {
    const world = running({ mechanism }, { revision });
    const last = world.state.functions.get('f');
    t.is(last?.phase, serves ? 'serving' : undefined);
    const told = [...world.replies.values()].flat().find(({ kind }) => kind === 'error');
    if (serves) return t.is(told, undefined);
    return t.like(told, {
      failure: {
        code: 'HP_AGENT_NO_TIERS',
        message:
          "'f' cannot have memory in two tiers: its guest kernel has revision 10 of the series, " +
          'and a process with two partitions takes 11.',
      },
    });
  });
}

const ROWS = [
  { share: 0, latency_ms: 390 },
  { share: 1, latency_ms: 100 },
];

for (const mechanism of SPLITTING) {
  for (const revision of ['7', '10', '']) {
    const kernel = `${mechanism} and revision '${revision}'`;
    test(`${kernel} serve what is never on both nodes at once`, (t) => {
      for (const tiers of [
        { ...QUARTER, share: 0 },
        { ...QUARTER, share: 1 },
        { ...QUARTER, share: null, table: { ...TABLE, rows: ROWS } },
      ]) {
        const world = running({ mechanism, tiers }, { revision });
        t.is(world.state.functions.get('f')?.phase, 'serving');
        const request = world.invoke('f');
        finish(world);
        t.like(world.reply(request), { outcome: 'done' });
      }
    });
  }
}

test('all of one near takes nothing of the far node, and none needs a limit that it does not use', (t) => {
  const world = running();
  for (const [share, far_node, code] of [
    [1, 3, undefined],
    [0, 3, 'HP_AGENT_NO_HOST_NODE'],
  ] as const) {
    const name = `g${share}`;
    const reply = world.reply(
      world.deploy(name, 'numa', { ...SIZE, tiers: { far_node, share, table: null } }),
    );
    t.is(reply?.kind === 'error' ? reply.failure.code : undefined, code);
  }
});
