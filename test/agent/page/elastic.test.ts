/** Elastic memory and named spans on the page: who is shown, in which order, and as what. */
import test from 'ava';
import type { LiveElastic, LiveFunction } from '../../../agent/model/live.ts';
import type { SpansStatus } from '../../../agent/model/span-messages.ts';
import { elasticTables } from '../../../agent/page/elastic.ts';
import { PAGE_LIMITS } from '../../../agent/page/limits.ts';
import { PageModel } from '../../../agent/page/model.ts';
import { MIB } from '../../../base/units.ts';

const MEMORY: LiveElastic = {
  baseline_bytes: 128 * MIB,
  plugged_bytes: 256 * MIB,
  max_bytes: 512 * MIB,
  instances: 1,
  waiting: 0,
  growths: 3,
  shrinks: 1,
  waits: 2,
  denied: 0,
  waited_ms: 20,
  above_gib_s: 1.25,
};
const SPANS: SpansStatus = {
  opened: 4,
  denied: 1,
  open: 2,
  waiting: 0,
  open_bytes: 64 * MIB,
  plugged_bytes: 96 * MIB,
  held_gib_s: 0.5,
  last_denied_code: 'HP_<b>',
  last_denied_span: 'data',
  last_denied_at_ms: 1,
};

function page(...functions: readonly Partial<LiveFunction>[]): PageModel {
  const model = new PageModel();
  const of = { phase: 'serving', mechanism: 'hotmem', limit_bytes: 512 * MIB, queued: 0 } as const;
  for (const [index, part] of functions.entries()) {
    const fn = {
      ...of,
      name: `f${index}`,
      oldest_received_at_ms: null,
      last_failure: null,
      ...part,
    };
    model.functions.set(fn.name, fn);
  }
  return model;
}

const names = (html: string): string[] =>
  [...html.matchAll(/<\/i>([^<]+)<\/td>/g)].map(([, name]) => name ?? '');

test('functions of one size, and an agent that does not tell, leave nothing to show', (t) => {
  t.is(elasticTables(page({ memory: null, spans: null }, {}), ''), '');
});

test('each table has the functions that it is about, those with the most first', (t) => {
  const more = { ...MEMORY, plugged_bytes: 300 * MIB };
  const html = elasticTables(page({ memory: MEMORY }, { memory: more, spans: SPANS }, {}), '');
  t.deepEqual(names(html), ['f1', 'f0', 'f1']);
  t.regex(html, /Elastic memory.*128 MiB.*300 MiB.*512 MiB.*Named spans.*64 MiB.*96 MiB/s);
  t.regex(html, /1\.250 GiB·s/);
  t.true(html.includes('HP_&lt;b&gt;'), 'what a guest may have said is no markup');
  t.deepEqual(names(elasticTables(page({ memory: MEMORY }, { memory: more }), 'f0')), ['f0']);
});

test('the bar is as full as the memory is, and the mark is at the baseline', (t) => {
  const html = elasticTables(page({ memory: MEMORY }), '');
  t.regex(html, /class="r-busy"[^>]* width="45"/);
  t.true(html.includes('M22.5 0V10'));
});

test('of many functions the largest are shown, and the others counted', (t) => {
  const many = Array.from({ length: 256 }, () => ({ memory: MEMORY }));
  const html = elasticTables(page(...many), '');
  t.is(names(html).length, PAGE_LIMITS.function_rows);
  t.true(html.includes(`and ${256 - PAGE_LIMITS.function_rows} more functions: filter by name.`));
});
