/** Several agents in one replay, against fake agents that count alike: nothing of them collides. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { AgentRecord } from '../../autoscaler/replay/agent-api.ts';
import { dryRun, renderDryRun } from '../../autoscaler/replay/dry-run.ts';
import { commandOfAgent } from '../../autoscaler/replay/command.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { prepareRun } from '../../autoscaler/replay/prepare.ts';
import { joinSessions, placeOnAgents } from '../../autoscaler/replay/several-agents.ts';
import { runCompareCommand } from '../../autoscaler/report/compare-command.ts';
import { readEvents, readResults } from '../../autoscaler/results/reader.ts';
import { runSimulateDecisions } from '../../autoscaler/simulator/recorded.ts';
import { runSimulateLive } from '../../autoscaler/simulator/simulate-live.ts';
import { MIB } from '../../base/units.ts';
import { EMPTY_OPERATION } from './empty-messages.ts';
import { FakeAgent } from './fake-agent.ts';
import { FACTS, rig, type Rig, SAMPLE } from './replay-rig.ts';

const TWO = { agents: '2', 'host-limit': '4GiB', mechanism: 'virtio-mem' };

interface Two {
  readonly run: Rig;
  readonly agents: readonly FakeAgent[];
  /** Of each look at the load. */
  readonly looked: (readonly number[] | null)[];
  readonly harmed: readonly string[];
}

/** A replay with agents on its clock, that know nothing of each other. */
function two(t: ExecutionContext, extra: Record<string, string> = {}): Two {
  const agents: FakeAgent[] = [];
  const looked: (readonly number[] | null)[] = [];
  const harmed: string[] = [];
  const run: Rig = rig(t, {}, { ...TWO, ...extra }, true, {
    openAgent: async () => {
      const own = agents.length + 1;
      const agent = new FakeAgent({ clock: run.clock, plug_ms: 30, unplug_ms: 200 });
      const status = agent.status.bind(agent);
      agent.status = async (...asked) => ({ ...(await status(...asked)), pid: 100 + own });
      agents.push(agent);
      return {
        api: agent,
        is_ours: true,
        harm: {
          signalVmm: async (vm_id, name) => void harmed.push(`${own}: ${name} ${vm_id}`),
          replaceAgent: async () => {},
        },
        close: async () => agent.close(),
      };
    },
    lookAtLoad: (pids) => {
      looked.push(pids);
      return {
        at_ms: run.clock.nowMs(),
        cpu: null,
        own_ticks: null,
        psi_cpu_some_us: null,
        psi_memory_some_us: null,
        mem_available_bytes: null,
        event_loop_lag_ms: null,
      };
    },
  });
  return { run, agents, looked, harmed };
}

test('functions are spread over the agents, and one folder says whose each record is', async (t) => {
  const { run, agents, looked } = two(t);
  const summary = await run.run();
  t.is(summary.status, 'complete');
  t.is(summary.mechanisms[0]?.invocations.outcomes.done, 101, 'as many as with one agent');
  t.like(summary.mechanisms[0]?.final_agreement, { agree: true });
  t.is(agents.length, 2);
  const [first, second] = agents.map(({ deployed }) => deployed.map(({ name }) => name));
  t.true((first?.length ?? 0) > 0 && (second?.length ?? 0) > 0);
  t.is((first?.length ?? 0) + (second?.length ?? 0), 4);
  t.deepEqual(
    agents.map(({ removed }) => removed.toSorted()),
    agents.map(({ deployed }) => deployed.map(({ name }) => name).toSorted()),
  );
  t.true(agents.every(({ closed }) => closed));
  t.true(looked.length > 0);
  t.deepEqual(looked[0], [101, 102], 'the load of both is known as ours');
  const { operations, memory, invocations, manifest } = await readResults(run.out);
  const agent_of = new Map<string, string>([
    ...(first ?? []).map((name) => [name, 'a1.'] as const),
    ...(second ?? []).map((name) => [name, 'a2.'] as const),
  ]);
  const isOwn = (one: { readonly function: string; readonly vm_id: string }): boolean =>
    one.vm_id.startsWith(agent_of.get(one.function) ?? 'none');
  t.true(operations.length > 0 && operations.every(isOwn));
  t.true(memory.length > 0 && memory.every(isOwn));
  t.true(manifest.mechanisms.every(({ vms }) => vms.length === 4 && vms.every(isOwn)));
  t.is(new Set(operations.map(({ id }) => id)).size, operations.length, 'no id is there twice');
  const known = new Set(operations.map(({ id }) => id));
  const plugs = invocations.flatMap(({ operation_id }) => operation_id ?? []);
  t.true(plugs.length > 0 && plugs.every((id) => known.has(id)), 'a call finds its own plug');
  t.is(manifest.options?.['agents'], '2');
});

test('a VMM is harmed by the agent whose it is', async (t) => {
  const { run, agents, harmed } = two(t, { fail: 'kill-vmm@1/1,kill-vmm@2/2,kill-vmm@3/3' });
  await run.run();
  const own = agents.map(({ deployed }) => deployed.map(({ name }) => name));
  t.is(harmed.length, 3);
  for (const told of harmed) {
    const [, agent = '0', name = ''] = /^(\d): SIGKILL vm-virtio-mem-(.*)$/.exec(told) ?? [];
    t.true(own[Number(agent) - 1]?.includes(name), told);
  }
});

test('compare takes such a folder; what plays one core or one host again refuses it', async (t) => {
  const { run } = two(t);
  await run.run();
  let text = '';
  const stdout = { write: (more: string) => (text += more) };
  const signal = new AbortController().signal;
  const folders = [run.out, run.out];
  await runCompareCommand({ folders, seed: 1, svg: null, json: false, stdout, signal });
  t.regex(text, /virtio-mem/);
  let events = 0;
  t.true(await readEvents(run.out, () => (events += 1)), 'the file is there');
  t.is(events, 0);
  await t.throwsAsync(runSimulateDecisions({ folder: run.out, json: false, stdout, signal }), {
    code: 'HP_SIMULATE_NOT_RECORDED',
    message: /is of 2 agents/,
  });
  const out = join(run.out, '..', 'foretold');
  const about = { calibrate: null, hotplane_version: '', json: false, stdout, signal };
  await t.throwsAsync(runSimulateLive({ ...about, from: run.out, out }), {
    code: 'HP_SIMULATE_OPTION',
    message: /is of 2 agents/,
  });
});

test('an agent that does not start ends those that did, and nothing is left', async (t) => {
  let closed = 0;
  let opened = 0;
  const failing: Rig = rig(t, {}, TWO, true, {
    openAgent: async () => {
      opened += 1;
      if (opened === 2) throw new Error('no second one');
      return {
        api: failing.agent,
        is_ours: true,
        harm: null,
        close: async () => void (closed += 1),
      };
    },
  });
  await t.throwsAsync(failing.run(), { message: 'no second one' });
  t.is(closed, 1);
  t.throws(() => readFileSync(join(failing.out, 'manifest.json')), { code: 'ENOENT' });
});

async function* telling(count: number): AsyncIterable<AgentRecord> {
  for (let id = 0; id < count; id += 1) yield { operation: { ...EMPTY_OPERATION, id: `${id}` } };
}

test('what all of them tell comes in turn, and ends with the first that ends', async (t) => {
  const sessions = [100, 3].map((count) => {
    const api = Object.assign(Object.create(FakeAgent.prototype), {
      watch: async () => telling(count),
    });
    return { api, is_ours: true, harm: null, close: async () => {} };
  });
  const stream = await joinSessions(sessions, new Map()).api.watch();
  const told: string[] = [];
  for await (const { operation } of stream) told.push(operation?.id ?? '');
  t.deepEqual(
    told.filter((id) => id.startsWith('a2.')),
    ['a2.0', 'a2.1', 'a2.2'],
  );
  t.true(told.length < 10, 'the one that tells much does not keep the other waiting');
});

test('each agent has its part of the host limit, and a dry run says what is whose', async (t) => {
  const asked = { trace: SAMPLE, functions: '4', out: 'nowhere', ...TWO, agents: '3' };
  const options = parseReplayOptions(asked);
  t.like(options, { agents: 3, host_limit_bytes: 4096 * MIB });
  const command = commandOfAgent(options, 'socket', 'state');
  t.is(command[command.indexOf('--host-limit') + 1], String(Math.floor((4096 * MIB) / 3)));
  const none = { needsOf: async () => new Map() };
  const { plan, failures } = await prepareRun(
    options,
    FACTS,
    null,
    none,
    new AbortController().signal,
  );
  const told = dryRun(plan, { ...options, failures });
  const names = plan.functions.map(({ name }) => name).toSorted();
  t.deepEqual(told.agents?.flat().toSorted(), names);
  t.is(told.agents?.length, 3);
  const agent_of = placeOnAgents(plan, 3);
  t.true(told.agents?.every((own, agent) => own.every((name) => agent_of.get(name) === agent)));
  t.regex(renderDryRun(told, false), /^agent 3  \S/m);
  t.is(dryRun(plan, { ...options, agents: 1, failures }).agents, undefined);
});

const REFUSED: readonly [string, Record<string, string>, RegExp][] = [
  ['none', { agents: '0' }, /--agents 0: a whole number from 1 to 16 is needed/],
  ['a word', { agents: 'two' }, /--agents two: a whole number/],
  ['a part of one', { agents: '1.5' }, /--agents 1.5: a whole number/],
  ['too many', { agents: '17' }, /--agents 17: a whole number/],
  ['more than functions', { agents: '5' }, /--agents 5: there are fewer --functions/],
  ['a running agent', { agent: '/a' }, /--agents 2: a running agent/],
  ['an agent killed', { fail: 'kill-agent@1' }, /--agents 2: --fail kill-agent/],
];
for (const [what, given, message] of REFUSED) {
  test(`several agents are refused with a word: ${what}`, (t) => {
    const asked = { trace: 'x', functions: '4', out: 'x', ...TWO, ...given };
    t.throws(() => parseReplayOptions(asked), { code: 'HP_REPLAY_OPTION', message });
  });
}

test('several agents without a limit are refused: each would take all that the host has', (t) => {
  t.throws(() => parseReplayOptions({ trace: 'x', out: 'x', agents: '2' }), {
    code: 'HP_REPLAY_OPTION',
    message: /--agents 2: --host-limit must say/,
  });
});
