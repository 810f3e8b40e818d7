/** Goal: whatever an agent tells, a folder that was written can be read. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { invocationLine, operationLine } from '../../autoscaler/replay/records.ts';
import { invocationSchema, operationSchema } from '../../autoscaler/results/schema.ts';
import { ResultWriter } from '../../autoscaler/results/writer.ts';
import { HotplaneError } from '../../base/errors.ts';
import { EMPTY_OPERATION, EMPTY_REPLY } from './empty-messages.ts';

const ORIGIN = { mechanism: 'hotmem', start_ms: 1_000 };

function writer(t: ExecutionContext): ResultWriter {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return new ResultWriter(join(folder, 'out'));
}

test('a reason of any length is kept as far as the format takes it', (t) => {
  const out = writer(t);
  const reason = 'guest says '.repeat(10_000);
  out.operation(operationLine({ ...EMPTY_OPERATION, outcome: 'failed', reason }, ORIGIN));
  const arrival = {
    invocation_id: 'i1',
    function: 'f',
    at_ms: 0,
    duration_ms: 1,
    work: { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 1 },
  };
  const reply = { ...EMPTY_REPLY, reason };
  out.invocation(invocationLine(arrival, 1, { kind: 'replied', reply, replied_at_ms: 2 }, ORIGIN));
  out.close();
  const text = readFileSync(join(out.folder, 'operations.jsonl'), 'utf8');
  const line = operationSchema.parse(JSON.parse(text));
  t.true(reason.startsWith(line.reason ?? '?'));
});

test('what a call that was not done did not measure is null in its line', (t) => {
  const reply = { ...EMPTY_REPLY, outcome: 'refused', received_at_ms: 1_001 } as const;
  const work = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 1 };
  const arrival = { invocation_id: 'i1', function: 'f', at_ms: 0, duration_ms: 1, work };
  const sents = [
    { kind: 'replied', reply, replied_at_ms: 2 },
    { kind: 'interrupted' },
    { kind: 'error', code: 'HP_AGENT_GONE', reason: 'gone' },
  ] as const;
  for (const sent of sents) {
    const line = invocationSchema.parse(invocationLine(arrival, 1, sent, ORIGIN));
    const { guest_wall_ms, guest_cpu_ms, anonymous_bytes, minor_faults, assigned_at_ms } = line;
    t.deepEqual(
      [guest_wall_ms, guest_cpu_ms, anonymous_bytes, minor_faults, assigned_at_ms],
      [null, null, null, null, null],
      sent.kind,
    );
  }
});

const UNREADABLE: readonly (readonly [string, Partial<typeof EMPTY_OPERATION>])[] = [
  ['a size below 0', { plugged_bytes: -1 }],
  ['a time that is no number', { guest_cpu_ms: Number.NaN }],
  ['a stamp without end', { plugged_at_ms: Number.POSITIVE_INFINITY }],
];

for (const [what, wrong] of UNREADABLE) {
  test(`${what} is an error when it comes, not when the folder is read`, (t) => {
    const out = writer(t);
    const line = operationLine({ ...EMPTY_OPERATION, ...wrong }, ORIGIN);
    const error = t.throws(() => out.operation(line), { instanceOf: HotplaneError });
    t.is(error.code, 'HP_RESULTS_UNREADABLE');
    t.regex(error.message, new RegExp(Object.keys(wrong)[0] ?? ''));
    t.is(readFileSync(join(out.folder, 'operations.jsonl'), 'utf8'), '');
  });
}
