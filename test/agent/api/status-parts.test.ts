/** Status in parts: the same as in one answer, of one moment, and no part is large. */
import { Server } from '@grpc/grpc-js';
import test from 'ava';
import { SERVICE } from '../../../agent/api/service.ts';
import { partWriter } from '../../../agent/api/status-bytes.ts';
import { dumpHost } from '../../../agent/core/dump.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { StatusResponse } from '../../../agent/model/messages.ts';
import { NO_STATUS, wholeStatus } from '../../../agent/model/status-parts.ts';
import { emulated } from '../../../agent/model/work.ts';
import { GIB } from '../../../base/units.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { clientOf } from './listen.ts';
import { serve } from './serving.ts';

const asIs = (bytes: Buffer): Buffer => bytes;

/** When VMMs and guests were asked is not the same in two answers, nor what was idle until then. */
const timeless = ({ functions, ...rest }: StatusResponse) => ({
  ...rest,
  functions: functions.map((one) => ({
    ...one,
    vmm_answered_at_ms: null,
    guest_answered_at_ms: null,
    rungs: one.rungs.map((rung) => ({ ...rung, idle_gib_s: null })),
  })),
});

test('the parts together are the one answer, with the state and without it', async (t) => {
  const { client, agent } = await serve(t);
  t.deepEqual(timeless(await client.status()), timeless(await agent.status('')), 'of no function');
  for (const name of ['a', 'b', 'c']) {
    await client.deploy(specOf(name, { keep_alive_ms: 1e6, concurrency: 3 }));
    await client.invoke({ function: name, invocation_id: 'x', ...emulated(WORK) });
  }
  for (const with_state of [false, true]) {
    const status = await client.status('', { with_state });
    const bytes = SERVICE.Status.encodeResponse(await agent.status('', with_state));
    t.deepEqual(timeless(status), timeless(SERVICE.Status.decodeResponse(bytes)));
    t.is(status.state_json, with_state ? JSON.stringify(agent.dump()) : null);
    t.is(status.functions.length, 3);
  }
  const [one, ...others] = (await client.status('b')).functions;
  t.is(one?.function.name, 'b');
  t.deepEqual(others, []);
  await t.throwsAsync(client.status('nobody'), { code: 'HP_AGENT_NO_FUNCTION' });
});

test('no part of a Status of many regions is large', async (t) => {
  const { client, agent } = await serve(t, 1_024 * GIB);
  for (let index = 0; index < 12; index += 1) {
    await client.deploy(specOf(`f${index}`, { concurrency: 192 }));
  }
  const parts = await Array.fromAsync(agent.statusParts('', true));
  const sizes = parts.map((part) => SERVICE.StatusParts.encodeResponse(part).length);
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  t.true(whole > 500_000, `${whole} bytes`);
  // A row is never cut, and one of 192 regions is half as long.
  const most = 1.5 * AGENT_LIMITS.status_state_chars;
  t.true(Math.max(...sizes) < most, `${Math.max(...sizes)} bytes of one`);
  t.is(parts.filter(({ functions }) => functions.length > 0).length, 12, 'a function each');
});

test('parts that are written one after the other are what each alone would be', async (t) => {
  const { client, agent } = await serve(t, 1_024 * GIB);
  for (const [index, concurrency] of [192, 1, 64, 2].entries()) {
    await client.deploy(specOf(`f${index}`, { concurrency }));
  }
  const write = partWriter();
  const parts = await Array.fromAsync(agent.statusParts('', true));
  const written = parts.map(write);
  for (const [index, part] of parts.entries()) {
    t.deepEqual(written[index], SERVICE.StatusParts.encodeResponse(part));
  }
});

test('all parts are of one moment, whatever happens while they are read', async (t) => {
  const { clock, agent } = fakeHost();
  for (const name of ['a', 'b']) await clock.until(agent.deploy(specOf(name)));
  const before = dumpHost(agent.state);
  const granted_bytes = agent.grantedBytes();
  const parts: StatusResponse[] = [];
  for await (const part of agent.statusParts('', true)) {
    if (parts.length === 0) {
      await clock.until(agent.deploy(specOf('c')));
      await clock.until(agent.remove('b'));
    }
    parts.push(part);
  }
  const status = wholeStatus(parts);
  t.deepEqual(
    status.functions.map((one) => one.function.name),
    ['a', 'b'],
  );
  t.is(status.state_json, JSON.stringify(before));
  t.is(status.granted_bytes, granted_bytes);
  t.deepEqual(
    (await clock.until(agent.status(''))).functions.map((one) => one.function.name),
    ['a', 'c'],
  );
  await clock.until(agent.stop(0));
});

test('many silent VMs hold up an answer hardly longer than one', async (t) => {
  const { clock, agent, hypervisor } = fakeHost({}, 64 * GIB);
  const many = 5 * AGENT_LIMITS.status_asks;
  for (let index = 0; index < many; index += 1)
    await clock.until(agent.deploy(specOf(`f${index}`)));
  for (const vm of hypervisor.vms.slice(0, -1)) vm.freeze();
  const asked_ms = clock.nowMs();
  const told = await clock.until(agent.status(''));
  const longest_ms = 5 * AGENT_LIMITS.status_patience_ms + AGENT_LIMITS.status_vm_ms;
  t.true(clock.nowMs() - asked_ms <= longest_ms, `${clock.nowMs() - asked_ms} ms`);
  t.is(told.functions.filter(({ unanswered }) => unanswered.length > 0).length, many - 1);
  t.deepEqual(told.functions.at(-1)?.unanswered, []);
  for (const vm of hypervisor.vms) vm.thaw();
  await clock.until(agent.stop(0));
});

test('a call that is given up ends as that, and one that is late too', async (t) => {
  const { client, hypervisor } = await serve(t);
  await client.deploy(specOf('f'));
  hypervisor.vms[0]?.freeze();
  const gone = AbortSignal.abort();
  await t.throwsAsync(client.status('', { signal: gone }), { code: 'HP_AGENT_CANCELLED' });
  await t.throwsAsync(client.status('', { deadline_ms: 50 }), { code: 'HP_AGENT_DEADLINE' });
  hypervisor.vms[0]?.thaw();
  t.deepEqual((await client.status()).functions[0]?.unanswered, []);
});

test('an agent that knows no parts is asked for the whole', async (t) => {
  const server = new Server();
  const answer = SERVICE.Status.encodeResponse({ ...NO_STATUS, version: 'earlier', pid: 7 });
  server.register(
    SERVICE.Status.path,
    (_: unknown, done: (error: null, bytes: Buffer) => void) => done(null, answer),
    asIs,
    asIs,
    'unary',
  );
  const client = await clientOf(t, server);
  t.like(await client.status(), { version: 'earlier', pid: 7, functions: [] });
});
