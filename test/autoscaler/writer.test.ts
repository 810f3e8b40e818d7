/** Goal: whatever an agent tells, a folder that was written can be read. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { OperationState } from '../../agent/model/operations.ts';
import type { Decision } from '../../agent/model/records.ts';
import { REFUSALS } from '../../agent/model/refusals.ts';
import { refusedOperation } from '../../agent/observe/operation-record.ts';
import { invocationLine, operationLine } from '../../autoscaler/replay/records.ts';
import { decisionLine } from '../../autoscaler/results/run-time.ts';
import { readResults } from '../../autoscaler/results/reader.ts';
import { invocationSchema, operationSchema } from '../../autoscaler/results/schema.ts';
import { ResultWriter } from '../../autoscaler/results/writer.ts';
import { HotplaneError } from '../../base/errors.ts';
import { EMPTY_OPERATION, EMPTY_REPLY } from './empty-messages.ts';
import { healthyRun } from './made-run.ts';

const ORIGIN = { mechanism: 'hotmem', start_ms: 1_000 };

const ARRIVAL = {
  invocation_id: 'i1',
  function: 'f',
  at_ms: 0,
  duration_ms: 1,
  task: {
    kind: 'emulated',
    work: { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 1 },
  },
} as const;
const ORDER: OperationState & { readonly kind: 'plug' } = {
  id: 'op-1',
  kind: 'plug',
  vm_id: 'vm-1',
  region_id: 'r0',
  region_index: 0,
  cause: 'start',
  instance_id: 'i1',
  from_bytes: 0,
  to_bytes: 128,
  decided_at_ms: 1_001,
  stop_at_ms: null,
  gone_at_ms: null,
};

function writer(t: ExecutionContext): ResultWriter {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return new ResultWriter(join(folder, 'out'));
}

test('a reason of any length is kept as far as the format takes it', (t) => {
  const out = writer(t);
  const reason = 'guest says '.repeat(10_000);
  const failure = REFUSALS.plugFailed('HP_VMM_REFUSED', reason);
  const order = { ...ORDER, function: 'f', mechanism: 'hotmem' } as const;
  out.operation(operationLine(refusedOperation(order, failure), ORIGIN));
  const sent = { kind: 'error', code: 'HP_AGENT_GONE', reason } as const;
  out.invocation(invocationLine(ARRIVAL, 1, sent, ORIGIN));
  out.close();
  for (const [name, schema] of [
    ['operations.jsonl', operationSchema],
    ['invocations.jsonl', invocationSchema],
  ] as const) {
    const text = readFileSync(join(out.folder, name), 'utf8');
    const line = schema.parse(JSON.parse(text));
    t.regex(line.reason ?? '', /guest says guest says/, name);
    t.true((line.reason ?? '').length <= 1_024, name);
  }
});

test('a decision is a line with its moment on the clock of the run, and reads back', async (t) => {
  const out = writer(t);
  const decision: Decision = {
    at_ms: 1_000.5,
    question: 'scale',
    policy: 'default',
    function: 'f',
    invocation_id: null,
    vm_id: null,
    region_id: null,
    inputs: { queued: 3, instances: 1 },
    answer: 'start 2',
    reason: null,
  };
  out.decision(decisionLine(decision, ORIGIN));
  out.manifest(healthyRun().manifest);
  out.close();
  const { decisions } = await readResults(out.folder);
  t.deepEqual(decisions, [{ ...decision, mechanism: 'hotmem', at_ms: 0.5 }]);
});

test('what a call that was not done did not measure is null in its line', (t) => {
  const reply = { ...EMPTY_REPLY, outcome: 'refused', received_at_ms: 1_001 } as const;
  const sents = [
    { kind: 'replied', reply, replied_at_ms: 2 },
    { kind: 'interrupted' },
    { kind: 'error', code: 'HP_AGENT_GONE', reason: 'gone' },
  ] as const;
  for (const sent of sents) {
    const line = invocationSchema.parse(invocationLine(ARRIVAL, 1, sent, ORIGIN));
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
