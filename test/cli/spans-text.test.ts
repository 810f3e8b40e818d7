/** The line of `hotplane status` about a function's named spans. */
import test from 'ava';
import { PLAIN_SPEC } from '../../agent/model/spec.ts';
import { NO_NAMED_SPANS } from '../../agent/model/span-tally.ts';
import { spansStatus } from '../../agent/observe/spans-status.ts';
import { GIB, MIB } from '../../base/units.ts';
import { spansText } from '../../cli/spans-text.ts';
import { specOf } from '../agent/core/world.ts';

const spec = specOf('f', {
  ...PLAIN_SPEC,
  spans: [{ name: 'data', max_bytes: GIB, host_node: null }],
});
const last_denied = { at_ms: 1_000, span: 'da\u001bta', code: 'HP_AGENT_NO_MEMORY' };
const TALLY = {
  ...NO_NAMED_SPANS,
  opened: 5,
  closed: 3,
  open_bytes: 96 * MIB,
  denied: 2,
  last_denied,
  plugged_bytes: GIB,
  byte_ms: GIB * 500,
  metered_at_ms: 2_000,
};

test('counts, bytes and the last reason, metered until now', (t) => {
  const told = spansStatus({ spec, named_spans: TALLY }, [], 4_000);
  t.is(
    spansText(told, 4_000),
    '  spans       5 opened, 2 open now (96 MiB asked for, 1 GiB plugged), 0 waiting; ' +
      "2 denied (last 'da\ufffdta' 3 s ago: HP_AGENT_NO_MEMORY); held 2.500 GiB s\n",
  );
});

test('of a function that can have spans it is told that none was opened', (t) => {
  t.is(
    spansText(spansStatus({ spec }, [], 0), 0),
    '  spans       0 opened, 0 open now (0 B asked for, 0 B plugged), 0 waiting; ' +
      '0 denied; held 0.000 GiB s\n',
  );
});

test('of one that can have none nothing is told, but that its program asks for some', (t) => {
  const without = { spec: specOf('f') };
  t.is(spansStatus(without, [], 0), null);
  t.is(spansText(null, 0), '');
  const named_spans = { ...NO_NAMED_SPANS, denied: 1, last_denied };
  t.like(spansStatus({ ...without, named_spans }, [], 0), { opened: 0, denied: 1 });
});
