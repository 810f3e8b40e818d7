/** A live run, over a modelled VMM and guest, told again to the core. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SERVICE } from '../../../agent/api/service.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { NO_RECORD } from '../../../agent/model/records.ts';
import { emulated } from '../../../agent/model/work.ts';
import { HYBRID_HISTOGRAM_POLICY } from '../../../autoscaler/policy/hybrid-histogram-policy.ts';
import { FIXED_KEEP_ALIVE_POLICY } from '../../../autoscaler/policy/fixed-keep-alive.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { decisionLine, eventLine } from '../../../autoscaler/results/run-time.ts';
import { RESULT_FILES, ResultWriter } from '../../../autoscaler/results/writer.ts';
import { runSimulateDecisions } from '../../../autoscaler/simulator/recorded.ts';
import { seededRandom } from '../../../base/random.ts';
import { MIB } from '../../../base/units.ts';
import { HotplaneError } from '../../../base/errors.ts';
import { specOf, WORK } from '../../agent/core/world.ts';
import { fakeHost } from '../../fakes/host.ts';
import { healthyRun } from '../made-run.ts';

const MECHANISM = 'virtio-mem';
const signal = new AbortController().signal;

interface Recorded {
  readonly folder: string;
  readonly decisions: number;
}

/** Two functions on a host too small for both at their peak, with random calls and pauses. */
async function record(t: ExecutionContext, policy: Policy, seed: number): Promise<Recorded> {
  const folder = join(mkdtempSync(join(tmpdir(), 'hotplane-test-')), 'out');
  t.teardown(() => rmSync(join(folder, '..'), { recursive: true, force: true }));
  const random = seededRandom(seed);
  const { clock, agent } = fakeHost({}, 1_100 * MIB, {}, policy);
  const watch = agent.watch({ records: ['decision', 'event'] });
  const names = ['f', 'g'];
  for (const name of names) {
    await clock.until(agent.deploy(specOf(name, { mechanism: MECHANISM, concurrency: 3 })));
  }
  const start_ms = clock.nowMs() + 0.1234567;
  const calls: Promise<unknown>[] = [];
  for (let call = 0; call < 40; call += 1) {
    const name = names[Number(random() < 0.3)] ?? 'f';
    calls.push(agent.invoke(name, `call ${call}`, emulated(WORK)));
    await clock.advance(Math.floor(random() * (call % 10 === 9 ? 3_000 : 60)));
  }
  await clock.until(Promise.all(calls));
  for (const name of names) await clock.until(agent.remove(name));
  agent.close();
  const writer = new ResultWriter(folder);
  const { manifest } = healthyRun([MECHANISM]);
  const mechanisms = manifest.mechanisms.map((one) => ({ ...one, clock_start_ms: start_ms }));
  writer.manifest({ ...manifest, mechanisms });
  let decisions = 0;
  const origin = { mechanism: MECHANISM, start_ms };
  for await (const told of watch) {
    const sent = SERVICE.Watch.encodeResponse({ ...NO_RECORD, ...told });
    const { decision, event } = SERVICE.Watch.decodeResponse(sent);
    if (event) writer.event(eventLine(event, origin));
    if (!decision) continue;
    writer.decision(decisionLine(decision, origin));
    decisions += 1;
  }
  writer.close();
  return { folder, decisions };
}

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
