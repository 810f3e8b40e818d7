/** The lines of `hotplane status` about memory that stands ready. */
import test from 'ava';
import { DEFAULT_CONFIG } from '../../agent/model/config.ts';
import { NO_POOL, RUNGS } from '../../agent/model/pool.ts';
import { DEFAULT_POOL } from '../../agent/model/pool-spec.ts';
import { rungsStatus } from '../../agent/observe/pool-status.ts';
import { GIB } from '../../base/units.ts';
import { rungsText } from '../../cli/rungs-text.ts';
import { specOf } from '../agent/core/world.ts';

const ABOUT = { config: DEFAULT_CONFIG, now_ms: 0 };
const POOL = {
  metered_at_ms: 1_000,
  populated: NO_POOL.populated,
  plugged: { ...NO_POOL.plugged, want: 1, asked: 12, hits: 3, bytes: GIB, byte_ms: GIB * 1_000 },
  warm: { ...NO_POOL.warm, asked: 192, hits: 180, used_at_ms: 900 },
};

test('a line for each rung on which something stands ready, metered until now', (t) => {
  const rungs = rungsStatus({ spec: specOf('f'), pool: POOL }, [], { ...ABOUT, now_ms: 3_000 });
  t.deepEqual(
    rungs.map(({ rung }) => rung),
    [...RUNGS],
  );
  t.is(
    rungsText({ rungs, function: { pool: DEFAULT_POOL } }),
    '  ready       0 plugged of 1 wanted; 3 of 12 starts found one (25.0 %); 3.000 GiB s idle\n' +
      '              0 warm; 180 of 192 calls found one (93.8 %); 0.000 GiB s idle\n',
  );
});

test('what is not offered and what nobody said is unknown, and never 0', (t) => {
  const rungs = rungsStatus({ spec: specOf('f'), pool: NO_POOL }, [], { ...ABOUT, now_ms: 3_000 });
  t.like(rungs[2], { rung: 'populated', have: null, want: null, asked: null, idle_gib_s: null });
  t.like(rungs[3], { rung: 'warm', have: 0, want: null, hit_percent: null, used_at_ms: null });
});

test('of a function that nobody called and nobody keeps ready nothing is told', (t) => {
  const rungs = rungsStatus({ spec: specOf('f'), pool: NO_POOL }, [], ABOUT);
  t.is(rungsText({ rungs, function: { pool: null } }), '');
});
