/** Rows of regions: what is long is written when it changes, and read from either format. */
import test from 'ava';
import type { SizeChange, SpanState } from '../../../agent/model/span.ts';
import type { RegionState } from '../../../agent/model/state.ts';
import { changesApart, regionRows, withChanges } from '../../../agent/store/region-rows.ts';
import { NO_ROWS } from '../../../agent/store/state-file.ts';
import type { RowChange } from '../../../agent/store/rows.ts';
import { MIB } from '../../../base/units.ts';

const CHANGE: SizeChange = {
  cause: 'grow',
  decided_at_ms: 1,
  ended_at_ms: 2,
  from_bytes: 128 * MIB,
  to_bytes: 192 * MIB,
  plugged_bytes: 192 * MIB,
  outcome: 'done',
  wanted_at_ms: 0,
  reason: null,
};
const SPAN: SpanState = {
  baseline_bytes: 128 * MIB,
  because: 'the test says so',
  started_at_ms: 0,
  free_tail_bytes: null,
  want: null,
  denied: null,
  metered_at_ms: 2,
  changes: Array.from({ length: 32 }, () => CHANGE),
};
const REGION: RegionState = {
  index: 0,
  id: 'r0',
  device: 'r0',
  tier: 'host',
  holder: 'i1',
  target_bytes: 192 * MIB,
  plugged_bytes: 192 * MIB,
  used_bytes: MIB,
  permit_bytes: 192 * MIB,
  operation_id: null,
  ready: false,
  unplug_attempts: 0,
  retry_at_ms: null,
  hold_until_ms: null,
  span: SPAN,
  keep_until_ms: null,
};

function between(was: RegionState | undefined, is: RegionState | undefined): RowChange[] {
  const changes: RowChange[] = [];
  regionRows(changes, 'vm1/0', was, is);
  return changes;
}

/** What a store has after these, of one table. */
function stored(table: RowChange['table'], changes: readonly RowChange[]): Map<string, string> {
  const rows = new Map<string, string>();
  for (const one of changes) {
    if (one.table !== table) continue;
    if (one.row === null) rows.delete(one.key);
    else rows.set(one.key, one.row);
  }
  return rows;
}

const readBack = (changes: readonly RowChange[]): RegionState =>
  withChanges(
    JSON.parse(stored('regions', changes).get('vm1/0') ?? ''),
    stored('marks', changes).get('regions/vm1/0'),
  );

test('a word of a guest writes a short row, and the changes stay where they are', (t) => {
  const begun = between(undefined, REGION);
  t.deepEqual(readBack(begun), REGION);
  const told = { ...REGION, used_bytes: 2 * MIB, span: { ...SPAN, free_tail_bytes: MIB } };
  const word = between(REGION, told);
  t.deepEqual(
    word.map(({ table }) => table),
    ['regions'],
  );
  t.true((word[0]?.row?.length ?? Infinity) < 700);
  t.deepEqual(readBack([...begun, ...word]), told);
});

test('a change more is written, and none is left of a holder that is gone', (t) => {
  const [first] = SPAN.changes;
  const grown = {
    ...REGION,
    span: { ...SPAN, changes: [...SPAN.changes.slice(1), first ?? CHANGE] },
  };
  const begun = between(undefined, REGION);
  t.deepEqual(readBack([...begun, ...between(REGION, grown)]), grown);
  const freed = { ...REGION, holder: null, span: null };
  const after = [...begun, ...between(REGION, freed)];
  t.deepEqual(readBack(after), freed);
  t.is(stored('marks', after).size, 0);
  t.is(stored('marks', [...begun, ...between(REGION, undefined)]).size, 0);
});

test('a holder without changes has no mark, and none is taken away for it', (t) => {
  const fresh = { ...REGION, span: { ...SPAN, changes: [] } };
  const same = { ...fresh, used_bytes: 7, span: { ...SPAN, changes: [] } };
  t.deepEqual(stored('marks', between(undefined, fresh)), new Map());
  t.deepEqual(
    between(fresh, same).map(({ table }) => table),
    ['regions'],
  );
});

test('what an agent of format 2 wrote is kept, also once its row is written anew', (t) => {
  const earlier = { ...NO_ROWS, regions: new Map([['vm1/0', JSON.stringify(REGION)]]) };
  const region = withChanges(JSON.parse(earlier.regions.get('vm1/0') ?? ''), undefined);
  t.deepEqual(region, REGION);
  const moved = changesApart(earlier);
  t.is(moved.length, 1);
  const told = { ...region, used_bytes: 2 * MIB };
  t.deepEqual(readBack([...moved, ...between(region, told)]), told);
  t.deepEqual(changesApart({ ...earlier, marks: stored('marks', moved) }), [], 'once');
  t.deepEqual(changesApart(NO_ROWS), []);
});
