/** `hotplane explain`: by the agent's book, by its ledger, and by the ledger alone afterwards. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isObject, parseJson } from '../../../base/json.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { emulated } from '../../../agent/model/work.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { storyOf } from '../../../ledger/story.ts';
import { serve } from '../api/serving.ts';
import { specOf, WORK } from '../core/world.ts';
import { keepingHost, ledgerIn } from './keeping.ts';

// Before anything asks where an agent keeps its things.
const HOME = mkdtempSync(join(tmpdir(), 'hp-explain-'));
process.env['HOTPLANE_RUNTIME_DIR'] = HOME;
const { runLine } = await import('../../cli/run-line.ts');
const USUAL = join(HOME, 'state', 'ledger');
test.after.always(() => rmSync(HOME, { recursive: true, force: true }));

/** A function of one region, given back a second after its last call. */
const ONE = { concurrency: 1, keep_alive_ms: 1_000, limit_bytes: 128 * MIB } as const;
const NOBODY = '--socket /nonexistent/agent.sock';

test('an instance long gone, its agent stopped: from its start to what was left of it', async (t) => {
  const { agent, clock, ledger, folder } = keepingHost(t);
  await clock.until(agent.deploy(specOf('f', ONE)));
  for (const name of ['A1', 'A2']) await clock.until(agent.invoke('f', name, emulated(WORK)));
  await clock.advance(3_000);
  await clock.until(agent.invoke('f', 'B', emulated(WORK)));
  await clock.until(agent.stop(1_000));
  ledger.close('stopped');

  const story = storyOf(LedgerGraph.read([folder]), 'i2');
  t.like(story, { function: 'f', region_id: 'vm1/r0', plugged_bytes: 0, permit_bytes: 0 });
  t.like(story?.tenure, { plugged_bytes: 128 * MIB, handover: 'clean' });
  t.deepEqual(
    story?.changes.map(({ cause, outcome, from_bytes, to_bytes }) => {
      return [cause, outcome, from_bytes, to_bytes];
    }),
    [
      ['start', 'done', 0, 128 * MIB],
      ['stop', 'done', 128 * MIB, 0],
    ],
  );
  // Why it began: all that the policy was asked, what it saw, and what it said.
  const [start] = story?.changes ?? [];
  t.deepEqual(
    start?.answers.map(({ question }) => question),
    ['admit', 'scale', 'place', 'size'],
  );
  t.is(start?.answers[1]?.inputs['queued'], 1);
  // Why it ended.
  t.is(story?.end?.why.target.record.kind, 'stop');
  t.regex(story?.end?.answers[0]?.answer ?? '', /stop 1/);
  t.is(story?.before, null);
  t.like(story?.after, { instance_id: 'i5', function: 'f' });

  const { code, out } = await runLine(`explain i2 ${NOBODY} --ledger ${folder}`);
  t.is(code, 0);
  t.regex(out, /^i2 {2}ended, f, h1 vm1\/r0/);
  t.regex(out, /because {5}default admit -> admit .*\n.*scale -> start 1/);
  t.regex(out, /call {8}.* A2 {2}done .* warm: after #[\d.]+ in the same memory/);
  t.regex(out, /after it {4}i5 of f/);
});

test('an operation, a request and what nobody knows are explained from the records', async (t) => {
  const { agent, clock, ledger, folder } = keepingHost(t);
  await clock.until(agent.deploy(specOf('f', ONE)));
  await clock.until(agent.invoke('f', 'A', emulated(WORK)));
  await clock.until(agent.stop(1_000));
  ledger.close('stopped');
  const op = await runLine(`explain op3 ${NOBODY} --ledger ${folder}`);
  t.is(op.code, 0);
  t.regex(op.out, /populated \(vmm\) .*op3 .*\n.*\n {2}asked for: .* request \(peer\)/);
  const asked = await runLine(`explain A ${NOBODY} --ledger ${folder} --json`);
  const told = parseJson(asked.out);
  t.true(isObject(told) && told['instance'] === null && isObject(told['why']));
  const nobody = await runLine(`explain i99 ${NOBODY} --ledger ${folder}`);
  t.is(nobody.code, 2);
  t.regex(nobody.err, /HP_LEDGER_UNKNOWN/);
});

test.serial(
  'without a ledger the book alone answers, and what it does not know is unknown',
  async (t) => {
    const { agent, socket_path } = await serve(t, 4 * GIB);
    await agent.deploy(specOf('f', { ...ONE, keep_alive_ms: 60_000 }));
    const { instance_id } = await agent.invoke('f', 'A', emulated(WORK));
    const { out } = await runLine(`explain ${instance_id} --socket ${socket_path}`);
    t.regex(out, /^i\d+ {2}idle, f, vm1 r0/);
    t.notRegex(out, /ledger/);
    const none = await runLine(`explain i99 --socket ${socket_path}`);
    t.regex(none.err, /HP_AGENT_NO_INSTANCE/);
    const away = await runLine(`explain ${instance_id} ${NOBODY}`);
    t.regex(away.err, /HP_AGENT_UNREACHABLE/);
  },
);

test.serial('the usual ledger tells more of what lives, and all of what does not', async (t) => {
  mkdirSync(USUAL, { recursive: true, mode: 0o700 });
  const ledger = ledgerIn(USUAL);
  const { agent, socket_path } = await serve(t, 4 * GIB, { ledger });
  await agent.deploy(specOf('f', { ...ONE, keep_alive_ms: 60_000 }));
  const { instance_id } = await agent.invoke('f', 'A', emulated(WORK));
  await agent.invoke('f', 'B', emulated(WORK));
  const line = `explain ${instance_id} --socket ${socket_path}`;
  const both = await runLine(line);
  t.regex(both.out, /^i\d+ {2}idle, f, vm1 r0[^]*\nby its ledger:\n[^]*because {5}default admit/);
  const json = parseJson((await runLine(`${line} --json`)).out);
  t.true(isObject(json) && json['phase'] === 'idle' && isObject(json['ledger']));
  await agent.stop(0);
  ledger.close('stopped');
  // The agent does not know it any more, or is not there: the records do.
  for (const socket of [socket_path, '/nonexistent/agent.sock']) {
    const { code, out } = await runLine(`explain ${instance_id} --socket ${socket}`);
    t.is(code, 0);
    t.regex(out, /^i\d+ {2}ended, f, h1 vm1\/r0/);
    t.regex(out, /call {8}.* B {2}done/);
  }
});
