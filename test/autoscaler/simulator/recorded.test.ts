/** A live run, over a modelled VMM and guest, told again to the core. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { DEFAULT_POOL } from '../../../agent/model/pool-spec.ts';
import { HYBRID_HISTOGRAM_POLICY } from '../../../autoscaler/policy/hybrid-histogram-policy.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../../../autoscaler/policy/fixed-keep-alive.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { RESULT_FILES } from '../../../autoscaler/results/writer.ts';
import { runSimulateDecisions } from '../../../autoscaler/simulator/recorded.ts';
import { HotplaneError } from '../../../base/errors.ts';
import { record } from './recorded-run.ts';

const signal = new AbortController().signal;

async function played(folder: string): Promise<string> {
  let text = '';
  const stdout = { write: (more: string) => void (text += more) };
  await runSimulateDecisions({ folder, json: false, stdout, signal });
  return text;
}

for (const policy of [FIXED_KEEP_ALIVE_POLICY, HYBRID_HISTOGRAM_POLICY, HISTORY_POLICY]) {
  test(`${policy.name}: what was decided live is decided again, byte for byte`, async (t) => {
    for (const seed of [1, 2]) {
      const { folder, decisions } = await record(t, policy, seed);
      t.true(decisions > 60, `${decisions} decisions`);
      const text = await played(folder);
      t.regex(text, new RegExp(`${decisions} decisions of ${policy.name}`));
      t.regex(text, /byte for byte/);
    }
  });
}

test('functions with a pool of their own are decided for by it again', async (t) => {
  const { folder, decisions } = await record(t, DEFAULT_POLICY, 3, { pool: DEFAULT_POOL });
  const recorded = readFileSync(join(folder, RESULT_FILES.decisions), 'utf8');
  t.true(recorded.includes('"policy":"pool"'));
  t.regex(await played(folder), new RegExp(`${decisions} decisions`));
});

test('a decision that is not what the core decides is told with its line', async (t) => {
  const { folder } = await record(t, FIXED_KEEP_ALIVE_POLICY, 4);
  const path = join(folder, RESULT_FILES.decisions);
  const lines = readFileSync(path, 'utf8').split('\n');
  const at = lines.findIndex((line) => line.includes('"answer":"start 1'));
  t.true(at > 0);
  lines[at] = (lines[at] ?? '').replace('start 1', 'start 2');
  writeFileSync(path, lines.join('\n'));
  await t.throwsAsync(played(folder), {
    instanceOf: HotplaneError,
    message: new RegExp(`line ${at + 1}`),
  });
});

test('decisions that were cut off, and some that nobody decides now, are told with their line', async (t) => {
  const { folder, decisions } = await record(t, FIXED_KEEP_ALIVE_POLICY, 6);
  const path = join(folder, RESULT_FILES.decisions);
  const whole = readFileSync(path, 'utf8');
  const [last = ''] = whole.trimEnd().split('\n').slice(-1);
  for (const [text, line] of [
    [whole.slice(0, -last.length - 1), decisions],
    [`${whole}${last}\n`, decisions + 1],
  ] as const) {
    writeFileSync(path, text);
    const message = new RegExp(`line ${line} `);
    await t.throwsAsync(played(folder), { instanceOf: HotplaneError, message });
  }
});

test('a run of which it is not known how it began is one message', async (t) => {
  const { folder } = await record(t, FIXED_KEEP_ALIVE_POLICY, 5);
  const path = join(folder, RESULT_FILES.events);
  const [first = '', ...rest] = readFileSync(path, 'utf8').split('\n');
  const refused = async (text: string, message: RegExp): Promise<void> => {
    writeFileSync(path, text);
    await t.throwsAsync(played(folder), { instanceOf: HotplaneError, message });
  };
  await refused(rest.join('\n'), /does not tell how it began/);
  await refused('', /has no events\.jsonl, or an empty one/);
  const other = first.replace('\\"functions\\":0', '\\"functions\\":2');
  t.not(other, first);
  await refused([other, ...rest].join('\n'), /2 functions/);
  const damaged = JSON.stringify({ ...JSON.parse(first), event_json: '{' });
  await refused([first, damaged, ''].join('\n'), /line 2/);
  // The first is deployed no more, so nobody can call it.
  const without = rest.filter((line) => !line.includes('vm-ready'));
  await refused([first, ...without].join('\n'), /decisions|line/);
});
