/**
 * The pool on real VMs: a start that finds its region plugged plugs nothing, a call that finds an
 * instance waits for nothing, what was taken is made ready again behind the start, and all of it
 * goes to another function that lacks memory.
 */
import test, { type ExecutionContext } from 'ava';
import type { HostAgent } from '../../agent/executor/host-agent.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import type { Decision, Invocation, Operation } from '../../agent/model/records.ts';
import { NO_VALUES } from '../../agent/model/targets.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { specOf } from './core/world.ts';
import { heardFunction } from './heard.ts';
import { realAgent } from './real-agent.ts';
import { recorded } from './recorded.ts';

const REGION_BYTES = 128 * MIB;
const BOOT_BYTES = 256 * MIB;
/** Two VMs, three regions of the first function, or one of them and all of the second's. */
const HOST_BYTES = GIB;
const WORK = emulated({ anonymous_bytes: 16 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 0 });
const DEADLINE_MS = 120_000;
/** A single call may come at a moment in which a busy host runs something else. */
const TRIES = 5;

interface Host {
  readonly agent: HostAgent;
  readonly operations: readonly Operation[];
  readonly invocations: readonly Invocation[];
  readonly decisions: readonly Decision[];
}

async function hostOf(t: ExecutionContext): Promise<Host> {
  const agent = await realAgent(t, HOST_BYTES);
  const host = {
    agent,
    operations: [] as Operation[],
    invocations: [] as Invocation[],
    decisions: [] as Decision[],
  };
  const watch = agent.watch({ records: ['operation', 'invocation', 'decision'] });
  const reading = (async () => {
    for await (const { operation, invocation, decision } of watch) {
      if (operation) host.operations.push(operation);
      if (invocation) host.invocations.push(invocation);
      if (decision) host.decisions.push(decision);
    }
  })();
  t.teardown(async () => {
    await agent.stop(0);
    await reading;
  });
  return host;
}

async function statusOf({ agent }: Host, name: string): Promise<FunctionStatus> {
  return await heardFunction(agent, name);
}

/** Until so many regions are populated, so many instances idle, and nothing is on its way. */
async function ready(host: Host, populated: number, warm: number): Promise<FunctionStatus | null> {
  const look = async (): Promise<FunctionStatus | null> => {
    const status = await statusOf(host, 'f');
    const have = Object.fromEntries(status.rungs.map((one) => [one.rung, one.have]));
    const is_still = host.agent.state.operations.size === 0 && have['busy'] === 0;
    const is_left = have['plugged'] === 0 && have['populated'] === populated;
    // The guest counts what it gave back after its VMM was told.
    const plugged = status.regions.reduce((sum, one) => sum + (one.plugged_bytes ?? Number.NaN), 0);
    const is_agreed = status.guest_plugged_bytes === plugged;
    return is_still && is_left && is_agreed && have['warm'] === warm ? status : null;
  };
  return await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 50 });
}

async function keep(host: Host, values: { reserve: number; warm: number }): Promise<void> {
  const who = { author: 'test', reason: '', for_ms: null, revision: null };
  const asked = { function: 'f', values: { ...NO_VALUES, ...values }, ...who };
  await host.agent.operator.setTargets(asked);
}

/** One call; its record, which follows its answer. */
async function call(t: ExecutionContext, host: Host, id: string, name = 'f'): Promise<Invocation> {
  t.is((await host.agent.invoke(name, id, WORK)).outcome, 'done');
  const find = (): Invocation | null =>
    host.invocations.find(({ invocation_id }) => invocation_id === id) ?? null;
  const found = await waitFor(find, { clock: hostClock, deadline_ms: DEADLINE_MS });
  if (!found) throw new Error(`${id} has no record`);
  return found;
}

/** The operation that an instance started with; its record may follow later. */
async function startOf(host: Host, { operation_id }: Invocation): Promise<Operation | null> {
  const find = (): Operation | null =>
    host.operations.find(({ id, cause }) => id === operation_id && cause === 'start') ?? null;
  return await waitFor(find, { clock: hostClock, deadline_ms: DEADLINE_MS });
}

const looks = ({ rungs }: FunctionStatus, name: 'plugged' | 'populated' | 'warm'): unknown => {
  const rung = rungs.find((one) => one.rung === name);
  return [rung?.asked, rung?.hits];
};

/** From its arrival until an instance took it. */
const waitedMs = ({ received_at_ms, assigned_at_ms }: Invocation): number =>
  Math.round((assigned_at_ms ?? Number.NaN) - received_at_ms);

test.serial('hotmem: starts and calls find what stands ready, and it goes to others', async (t) => {
  t.timeout(600_000);
  const host = await hostOf(t);
  const size = { limit_bytes: REGION_BYTES, boot_bytes: BOOT_BYTES, keep_alive_ms: 0 };
  await host.agent.deploy(specOf('f', { mechanism: 'hotmem', concurrency: 3, ...size }));

  const cold = await call(t, host, 'cold');
  t.like(await startOf(host, cold), { before_bytes: 0, plugged_bytes: REGION_BYTES });
  t.not(await ready(host, 0, 0), null);

  await keep(host, { reserve: 1, warm: 0 });
  const plugged = await ready(host, 1, 0);
  t.deepEqual(plugged?.regions.map((one) => one.plugged_bytes).toSorted(), [0, 0, REGION_BYTES]);
  t.is(plugged?.guest_plugged_bytes, REGION_BYTES, 'the guest has it, too');
  const found = await call(t, host, 'plugged');
  t.true(found.cold, 'its instance had to start');
  const there = { before_bytes: REGION_BYTES, plugged_bytes: REGION_BYTES };
  t.like(await startOf(host, found), there, 'and nothing to be plugged');
  const after = await ready(host, 1, 0);
  t.deepEqual(after && looks(after, 'plugged'), [2, 1]);
  t.deepEqual(after && looks(after, 'populated'), [2, 1], 'ready by its guest, too');
  const { prepared = 0, cleared_twice = null } = after?.pages ?? {};
  t.true(prepared + (after?.pages?.skipped ?? 0) > 0);
  t.is(cleared_twice, 0);
  const refills = host.operations.filter(({ cause, kind }) => cause === 'pool' && kind === 'plug');
  for (const { decided_at_ms } of refills.slice(1)) {
    t.true((decided_at_ms ?? 0) >= found.received_at_ms, 'made ready again behind the start');
  }

  await keep(host, { reserve: 0, warm: 1 });
  t.not(await ready(host, 0, 1), null);
  const warm = await call(t, host, 'warm');
  t.like(warm, { cold: false, operation_id: null });
  t.deepEqual(looks(await statusOf(host, 'f'), 'warm'), [3, 1]);
  const waited_ms = [waitedMs(warm)];
  while (waited_ms.length < TRIES && Math.min(...waited_ms) >= waitedMs(cold)) {
    t.not(await ready(host, 0, 1), null);
    waited_ms.push(waitedMs(await call(t, host, `warm ${waited_ms.length}`)));
  }
  t.log(`waited: ${waitedMs(cold)} ms cold, ${waitedMs(found)} plugged, ${waited_ms.join()} warm`);
  t.true(Math.min(...waited_ms) < waitedMs(cold), 'no start is as fast as none');

  await keep(host, { reserve: 3, warm: 0 });
  t.not(await ready(host, 3, 0), null);
  const needs = { limit_bytes: 3 * REGION_BYTES, concurrency: 1, keep_alive_ms: 60_000 };
  await host.agent.deploy(specOf('g', { mechanism: 'hotmem', ...size, ...needs }));
  await call(t, host, 'other', 'g');
  const gave = host.decisions.filter(({ answer }) => answer === 'give way plugged');
  t.true(gave.length > 0, 'what stood ready gave way');
  t.true(gave.every(({ function: name, reason }) => name === 'f' && reason === "'g' lacks memory"));
  await recorded(
    () => host.operations,
    1,
    ({ function: name, kind, cause, plugged_bytes }) =>
      name === 'f' && kind === 'unplug' && cause === 'pressure' && plugged_bytes === 0,
  );
  const { granted_bytes, host_limit_bytes } = await host.agent.status('');
  t.true(granted_bytes <= host_limit_bytes, 'and no byte is given twice');
});
