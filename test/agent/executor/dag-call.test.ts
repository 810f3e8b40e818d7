/** One call of a DAG: what is called with what, and that nothing of it is left however it ends. */
import test from 'ava';
import fc from 'fast-check';
import { NO_PLACE } from '../../../agent/dag/foresee.ts';
import { planDag } from '../../../agent/dag/plan.ts';
import { DagCall, type InvokeFunction } from '../../../agent/executor/dag-call.ts';
import { HeldPayloads } from '../../../agent/executor/held-payloads.ts';
import type { DagSpec } from '../../../agent/model/dag.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { errorOf } from '../../../agent/model/failure.ts';
import { invocationRecord, type InvocationEnd } from '../../../agent/observe/invocation-record.ts';
import { type Refusal, REFUSALS } from '../../../agent/model/refusals.ts';
import { emptyHost } from '../../../agent/model/state.ts';
import { holds } from '../../seed.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { anyDag } from '../dag/any-dag.ts';

/** How a called function ends: what it answers, or why not; `throws`: no call was made. */
type Ends = (name: string, payload: string) => string | Refusal | { readonly throws: Refusal };

function endOf(name: string, id: string, told: string | Refusal): InvocationEnd {
  const failure = typeof told === 'string' ? null : told;
  const record = invocationRecord(name, {
    kind: 'invoke',
    invocation_id: id,
    instance_id: 'i1',
    cold: false,
    outcome: failure ? 'failed' : 'done',
    failure,
    received_at_ms: 0,
    assigned_at_ms: 0,
    instance_ready_at_ms: null,
    start: null,
    result: null,
    operation_id: null,
    sized: null,
  });
  const bytes = Buffer.from(typeof told === 'string' ? told : '');
  const answer = failure ? null : { bytes, content_type: 'application/json', http: null };
  return { ...record, failure, answer };
}

function made(dag: DagSpec, ends: Ends, takes: (name: string) => number = () => 10) {
  const clock = new FakeClock();
  const payloads = new HeldPayloads();
  const foreseen = new Set<string>();
  const called: string[] = [];
  const cancelled: string[] = [];
  const open = new Set<string>();
  const emit = (event: HostEvent): void => {
    if (event.type !== 'expect') throw new Error(`nothing else is told: ${event.type}`);
    for (const { id } of event.calls) foreseen.add(id);
    for (const id of event.dropped) foreseen.delete(id);
  };
  const invoke: InvokeFunction = async (name, id, call, onGone) => {
    called.push(`${name} ${Buffer.from(call.payload).toString()}`);
    foreseen.delete(call.stage?.expected ?? '');
    const gone = Promise.withResolvers<null>();
    onGone(() => {
      cancelled.push(id);
      gone.resolve(null);
    });
    open.add(id);
    const told = ends(name, Buffer.from(call.payload).toString());
    const slept = clock.sleep(takes(name)).then(() => told);
    const ended = (await Promise.race([slept, gone.promise])) ?? REFUSALS.cancelled();
    open.delete(id);
    if (typeof ended !== 'string' && 'throws' in ended) throw errorOf(ended.throws);
    return endOf(name, id, ended);
  };
  const asked = {
    id: 'dag1',
    invocation_id: 'x',
    payload: Buffer.from('{"n":1}'),
    content_type: 'application/json',
    peer: null,
  };
  const parts = { clock, stateOf: () => emptyHost(1), invoke, emit, payloads };
  const call = new DagCall(planDag(dag, takes), asked, NO_PLACE, parts);
  return { clock, call, payloads, foreseen, called, cancelled, open };
}

const stagesOf = (names: string) =>
  names.split('').map((name) => ({ name, function: name, payload_json: null }));
const edgesOf = (text: string) =>
  text.split(' ').map((pair) => ({ from: pair[0] ?? '', to: pair[1] ?? '' }));

const DIAMOND: DagSpec = {
  name: 'd',
  deadline_ms: 100,
  stages: stagesOf('abcd'),
  edges: edgesOf('ab ac bd cd'),
  ready_ms: null,
};

const longThroughB = (name: string): number => ({ a: 10, b: 50, c: 20, d: 5 })[name] ?? 0;
const slowInC = (name: string): number => (name === 'c' ? 1_000 : 10);
const failsInB: Ends = (name) => (name === 'b' ? REFUSALS.functionFailed('no') : '1');

test('first stages get the payload, others the answer before them, or all by their names', async (t) => {
  const { clock, call, called } = made(DIAMOND, (name) => `"${name}"`);
  const { answer, failure } = await clock.until(call.make());
  t.is(failure, null);
  t.deepEqual(called, ['a {"n":1}', 'b "a"', 'c "a"', 'd {"b":"b","c":"c"}']);
  t.is(Buffer.from(answer?.bytes ?? []).toString(), '"d"');
});

test('a payload of its own goes before what others answered; two last ones answer together', async (t) => {
  const stages = DIAMOND.stages.map((one) =>
    one.name === 'c' ? { ...one, payload_json: '{"own":true}' } : one,
  );
  const dag = { ...DIAMOND, stages, edges: edgesOf('ab ac') };
  const { clock, call, called } = made(dag, (name) => `"${name}"`);
  const { answer } = await clock.until(call.make());
  t.deepEqual(called, ['a {"n":1}', 'd {"n":1}', 'b "a"', 'c {"own":true}']);
  t.is(Buffer.from(answer?.bytes ?? []).toString(), '{"b":"b","c":"c","d":"d"}');
});

test('stages run side by side, and the whole takes as long as the longest way', async (t) => {
  const { clock, call } = made(DIAMOND, () => '1', longThroughB);
  const { run, finished_at_ms } = await clock.until(call.make());
  t.is(finished_at_ms - run.received_at_ms, 65);
});

test('a stage that fails ends all: its siblings are cancelled, and the error names it', async (t) => {
  const host = made(DIAMOND, failsInB, slowInC);
  const { clock, call, called, cancelled, payloads, foreseen, open } = host;
  const { failure, run } = await clock.until(call.make());
  t.deepEqual(failure?.details, { dag: 'd', stage: 'b', cause: 'HP_AGENT_FUNCTION_FAILED' });
  t.regex(failure?.message ?? '', /^stage 'b' of DAG 'd' failed: HP_AGENT_FUNCTION_FAILED: /);
  t.is(failure?.code, 'HP_AGENT_DAG_STAGE');
  t.deepEqual(cancelled, ['x/c']);
  t.deepEqual(called.map((one) => one[0]).join(''), 'abc');
  t.is(run.failed?.stage, 'b');
  t.deepEqual([payloads.bytes, foreseen.size, open.size], [0, 0, 0]);
});

test('answers that fit into no JSON together fail the stage that would have got them', async (t) => {
  const long = `"${'x'.repeat(4 * 1024 * 1024)}"`;
  const { clock, call, payloads } = made(DIAMOND, () => long);
  const { failure, run } = await clock.until(call.make());
  t.is(run.failed?.failure.code, 'HP_AGENT_DAG_PAYLOAD');
  t.regex(
    failure?.message ?? '',
    /payload of stage 'd' cannot be put together: they are \d+ bytes/,
  );
  t.is(payloads.bytes, 0);
});

test('when its caller goes away what runs is cancelled, and nothing more is called', async (t) => {
  const { clock, call, called, cancelled, payloads, foreseen, open } = made(DIAMOND, () => '1');
  const ended = call.make();
  await clock.advance(15);
  call.giveUp();
  const { failure } = await clock.until(ended);
  t.is(failure?.code, 'HP_AGENT_DAG_STAGE');
  t.deepEqual(cancelled, ['x/b', 'x/c']);
  t.is(called.length, 3);
  t.deepEqual([payloads.bytes, foreseen.size, open.size], [0, 0, 0]);
});

test('a call whose caller is gone before it is made ends, and nothing is called', async (t) => {
  const { clock, call, called, payloads, foreseen } = made(DIAMOND, () => '1');
  call.giveUp();
  const { failure } = await clock.until(call.make());
  t.is(failure?.code, 'HP_AGENT_CANCELLED');
  t.deepEqual([called.length, payloads.bytes, foreseen.size], [0, 0, 0]);
});

test('whatever its shape and whatever fails, it ends once, and nothing of it is left', async (t) => {
  const any = fc.record({
    timed: anyDag,
    failing: fc.option(fc.constantFrom('f-a', 'f-b', 'f-c', 'f-d', 'f-e', 'f-f'), { nil: null }),
    throws: fc.boolean(),
    gone_ms: fc.option(fc.nat(120), { nil: null }),
  });
  const property = fc.asyncProperty(any, async ({ timed, failing, throws, gone_ms }) => {
    const { dag, exec_ms } = timed;
    const why = REFUSALS.functionFailed('no');
    const ends: Ends = (name) => (name !== failing ? '1' : throws ? { throws: why } : why);
    const host = made(dag, ends, (name) => exec_ms.get(name) ?? 0);
    const ended = host.call.make();
    if (gone_ms !== null) {
      void host.clock.sleep(gone_ms).then(() => host.call.giveUp());
    }
    const { failure, run, answer } = await host.clock.until(ended);
    const nothing_left =
      host.payloads.bytes === 0 && host.foreseen.size === 0 && host.open.size === 0;
    const is_whole = failure !== null || run.stages.size === dag.stages.length;
    return nothing_left && is_whole && (failure === null) === (answer !== null);
  });
  await holds(t, property);
  t.pass();
});
