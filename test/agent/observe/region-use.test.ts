/** What a guest says that is in use of a region is told as it is, and never 0 for unknown. */
import test from 'ava';
import { regionUse } from '../../../agent/observe/region-use.ts';
import { MIB } from '../../../base/units.ts';

const STOCK = { state: 'stock', plugged_bytes: 128 * MIB, used_bytes: 0 };
const PARTITION = { ...STOCK, state: 'attached' };

test('partitions tell it, nodes where their instance is, and other regions not', (t) => {
  t.is(regionUse({ ...PARTITION, used_bytes: MIB }), MIB);
  t.is(regionUse(PARTITION), 0);
  t.is(regionUse({ ...STOCK, node_used_bytes: MIB }), MIB);
  t.is(regionUse({ ...STOCK, node_used_bytes: 0 }), 0);
  t.is(regionUse(STOCK), null);
  t.is(regionUse({ ...STOCK, plugged_bytes: 0 }), 0);
  t.is(regionUse(undefined), null);
});
