/** Memory over time on the page, by the clock of the agent, guessed between messages. */
import test from 'ava';
import { LIVE_PROTOCOL } from '../../../agent/model/live.ts';
import { PAGE_LIMITS } from '../../../agent/page/limits.ts';
import { History } from '../../../agent/page/history.ts';
import { PageModel } from '../../../agent/page/model.ts';
import { GIB } from '../../../base/units.ts';

const timesOf = ({ samples }: History): number[] => samples.map(({ at_ms }) => at_ms);

function sampled(...times_ms: readonly number[]): History {
  const history = new History();
  for (const at_ms of times_ms) history.add(at_ms, GIB, new Map());
  return history;
}

test('a sample is kept each second, and so many of them', (t) => {
  t.deepEqual(timesOf(sampled(0, 400, 1_000, 1_999, 2_100)), [0, 1_000, 2_100]);
  const long = sampled(...Array.from({ length: 2 * PAGE_LIMITS.samples }, (_, at) => at * 1_000));
  t.is(long.samples.length, PAGE_LIMITS.samples);
});

test('a time that was guessed too late costs its own sample, and no others', (t) => {
  t.deepEqual(timesOf(sampled(0, 1_000, 2_000, 3_300, 3_200)), [0, 1_000, 2_000, 3_200]);
});

test('what was seen of a host whose clock began anew goes, and else is kept', (t) => {
  const model = new PageModel();
  const host = { limit_bytes: GIB, granted_bytes: 0, free_bytes: GIB, earlier_bytes: 0 };
  const head = { type: 'snapshot', protocol: LIVE_PROTOCOL, version: 'v', pid: 1, host } as const;
  const begin = (at_ms: number): void => void model.take({ ...head, sequence: 1, at_ms });
  begin(50_000);
  model.history.add(50_000, GIB, new Map());
  begin(60_000);
  t.deepEqual(timesOf(model.history), [50_000], 'the page was connected again');
  begin(55_000);
  t.deepEqual(timesOf(model.history), []);
});
