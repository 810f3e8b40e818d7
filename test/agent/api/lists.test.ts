/** Lists, ended operations and a large Status over a real socket, by client and by command. */
import test from 'ava';
import { statusBytes } from '../../../agent/api/status-bytes.ts';
import { SERVICE } from '../../../agent/api/service.ts';
import { dumpHost } from '../../../agent/core/dump.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { emulated } from '../../../agent/model/work.ts';
import { statePieces } from '../../../agent/observe/state-text.ts';
import { GIB } from '../../../base/units.ts';
import { runLine } from '../../cli/run-line.ts';
import { specOf, WORK } from '../core/world.ts';
import { hostOf } from '../observe/many-vms.ts';
import { serve } from './serving.ts';

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

test('what the lists tell is what Status tells, in pages of any size', async (t) => {
  const { client } = await serve(t, 16 * GIB);
  for (const name of ['b', 'a']) {
    await client.deploy(specOf(name, { concurrency: 3, keep_alive_ms: 1e6 }));
    await client.invoke({ function: name, invocation_id: 'x', ...emulated(WORK) });
  }
  const status = await client.status();
  for (const page_size of [1, 2, 1_000]) {
    const functions = await all(client.functions({ page_size }));
    t.deepEqual(
      functions.map((row) => [row.function, row.instances, row.permits_bytes]),
      ['a', 'b'].map((name) => {
        const told = status.functions.find((one) => one.function.name === name);
        return [name, told?.instances_idle, told?.permits_bytes];
      }),
    );
    const regions = await all(client.regions({ page_size }));
    t.deepEqual(
      regions.map((row) => [row.vm_id, row.region_id, row.instance_id, row.permit_bytes]),
      status.functions.flatMap((fn) =>
        fn.regions.map((row) => [row.vm_id, row.id, row.instance_id, row.permit_bytes]),
      ),
    );
  }
  const [instance] = await all(client.instances({ function: 'a' }));
  t.like(instance, { function: 'a', state: 'idle', invocations: 1 });
  t.is((await all(client.vms())).length, 2);
  t.deepEqual(await all(client.operations()), []);
});

test('who follows operations is cut off, and goes on after the last one that he was told', async (t) => {
  const { client } = await serve(t);
  await client.deploy(specOf('f', { concurrency: 2, keep_alive_ms: 1e6 }));
  const call = { function: 'f', invocation_id: 'x', ...emulated(WORK) };
  await client.invoke(call);
  const cut = new AbortController();
  const first = [];
  for await (const entry of client.endedOperations({ follow: true }, cut.signal)) {
    first.push(entry);
    cut.abort();
  }
  await client.drain('f');
  const after = first.at(-1)?.sequence ?? -1;
  const rest = await all(client.endedOperations({ after }));
  t.deepEqual(
    [...first, ...rest].map(({ missed, operation }) => [missed, operation.kind, operation.outcome]),
    [
      [0, 'plug', 'done'],
      [0, 'unplug', 'done'],
    ],
  );
  t.deepEqual(
    (await all(client.endedOperations())).map(({ sequence }) => sequence),
    [...first, ...rest].map(({ sequence }) => sequence),
  );
  await t.throwsAsync(all(client.endedOperations({ after: 1e6 })), {
    code: 'HP_AGENT_BAD_REQUEST',
  });
});

test('the answer to Status that is written in pieces is the one that is written at once', async (t) => {
  const { agent, client } = await serve(t);
  for (const name of ['a', 'b']) await client.deploy(specOf(name));
  const status = await agent.status('', true);
  const at_once = SERVICE.Status.decodeResponse(SERVICE.Status.encodeResponse(status));
  t.deepEqual(SERVICE.Status.decodeResponse(await statusBytes(status)), at_once);
  // Longer than what is written at once, with characters of two halves at every place.
  const state_json = `x${'\u{1f600}é'.repeat(900_000)}`;
  const long = SERVICE.Status.decodeResponse(await statusBytes({ ...status, state_json }));
  t.true(long.state_json === state_json);
  const none = await statusBytes({ ...status, state_json: null });
  t.is(SERVICE.Status.decodeResponse(none).state_json, null);
});

test('the state that is written in pieces is the one that is written at once', (t) => {
  for (const state of [hostOf(5, 192), hostOf(0, 1)]) {
    const pieces = [...statePieces(state)];
    t.is(pieces.join(''), JSON.stringify(dumpHost(state)));
    t.is(pieces.length > 1, state.vms.size > 1);
  }
});

test('a Status of many regions holds up others no longer than one of few', async (t) => {
  const { agent, client } = await serve(t, 1_024 * GIB);
  for (let index = 0; index < 24; index += 1) {
    await client.deploy(specOf(`f${index}`, { concurrency: 192 }));
  }
  // Compiled, and known how long one function takes.
  for (let round = 0; round < 5; round += 1) await client.status('f0');
  let turns = 0;
  let is_over = false;
  const takeTurn = (): void => {
    turns += 1;
    if (!is_over) setImmediate(takeTurn);
  };
  const cpu = process.threadCpuUsage();
  setImmediate(takeTurn);
  let functions = 0;
  for await (const part of agent.statusParts('', true)) {
    functions += part.functions.length;
    SERVICE.StatusParts.encodeResponse(part);
  }
  is_over = true;
  const used = process.threadCpuUsage(cpu);
  const cpu_ms = (used.user + used.system) / 1_000;
  t.is(functions, 24);
  t.log(`CPU ${cpu_ms} ms, others had ${turns} turns`);
  // A piece is one function where those take long, and several where they are quick.
  const least = Math.min(functions / 2, cpu_ms / AGENT_LIMITS.turn_ms / 4);
  t.true(turns >= least, `${turns} turns of at least ${least}`);
});

test('the commands show the rows, for people and for programs', async (t) => {
  const { client, socket_path } = await serve(t);
  await client.deploy(specOf('f', { concurrency: 2, keep_alive_ms: 1e6 }));
  await client.invoke({ function: 'f', invocation_id: 'x', ...emulated(WORK) });
  const ask = async (...words: string[]) => {
    const { code, out } = await runLine([...words, '--socket', socket_path].join(' '));
    t.is(code, 0);
    return out;
  };
  t.regex(await ask('functions'), /^FUNCTION {2}STATE .*\nf {9}serving +1\/1 +1 /);
  t.regex(await ask('vms'), /^VM .*\nvm1 +f +running +1\/2 /);
  t.regex(await ask('instances', '--state', 'idle'), /^INSTANCE .*\n\S+ +f +idle +vm1 +r0 /);
  t.regex(await ask('regions'), /\nvm1 +r0 +held .*\nvm1 +r1 +empty /);
  t.is(await ask('operations'), 'no operations\n');
  t.regex(await ask('operations', '--ended'), /^1 {2}plug done {2}f vm1 r0 {2}0 B -> 128 MiB in /);
  const names = ['functions', 'vms', 'instances', 'regions', 'operations'];
  for (const name of names) {
    const told: unknown = JSON.parse(await ask(name, '--json'));
    t.deepEqual(Object.keys(told ?? {}), [name]);
  }
  const line: unknown = JSON.parse(await ask('operations', '--ended', '--json'));
  t.like(line, { sequence: 1, missed: 0, operation: { kind: 'plug', outcome: 'done' } });
  t.is(await ask('regions', '--function', 'nobody'), 'no regions\n');
});
