/** What the page tells of troubles, and of what it could not be told. */
import test from 'ava';
import type { Cordon } from '../../../agent/model/host-messages.ts';
import { LIVE_PROTOCOL } from '../../../agent/model/live.ts';
import { PageModel } from '../../../agent/page/model.ts';
import { renderTroubles } from '../../../agent/page/tables.ts';

test('records that were too many to be told are counted', (t) => {
  const model = new PageModel();
  const host = { limit_bytes: 1, granted_bytes: 0, free_bytes: 1, earlier_bytes: 0 };
  const head = { at_ms: 1, host, version: 'v', pid: 1 };
  model.take({ type: 'snapshot', protocol: LIVE_PROTOCOL, sequence: 0, ...head });
  t.notRegex(renderTroubles(model, new Map()), /missing/);
  const rows = { functions: [], vms: [], operations: [] };
  const none = { operations: [], memory: [], reports: [], refusals: [], invocations_done: 0 };
  for (const sequence of [1, 2]) {
    const news = { ...none, dropped: 4 };
    model.take({ type: 'change', sequence, at_ms: 2, host, ...rows, gone: rows, news });
  }
  t.regex(renderTroubles(model, new Map()), /; 8 records are missing here/);
});

test('a host that takes no new work says so, by whom and why, as text', (t) => {
  const model = new PageModel();
  const book = { limit_bytes: 1, granted_bytes: 0, free_bytes: 1, earlier_bytes: 0 };
  const about = { at_ms: 1, version: 'v', pid: 1, sequence: 0 };
  const told = (host: typeof book & { readonly cordon?: Cordon | null }): string => {
    model.take({ type: 'snapshot', protocol: LIVE_PROTOCOL, ...about, host });
    return renderTroubles(model, new Map());
  };
  const cordon = { author: 'ada', reason: '<b>disk</b>', since: '2026-11-27T00:00:00.000Z' };
  t.regex(
    told({ ...book, cordon: { availability: 'draining', ...cordon } }),
    /the host is draining by ada since 2026-11-27T00:00:00\.000Z \(&lt;b&gt;disk&lt;\/b&gt;\)/,
  );
  // An older agent does not tell of it.
  for (const host of [book, { ...book, cordon: null }]) t.notRegex(told(host), /the host is/);
});
