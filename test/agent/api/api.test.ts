/** The API over a real Unix socket, with a simulated host behind it on the real clock. */
import { stat, writeFile } from 'node:fs/promises';
import { LIMITS } from '../../../base/limits.ts';
import test from 'ava';
import { pino } from 'pino';
import { isHotplaneError } from '../../../base/errors.ts';
import { hostClock } from '../../../base/clock.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { AgentClient, type AgentRecord } from '../../../agent/api/client.ts';
import { AgentServer } from '../../../agent/api/server.ts';
import { SERVICE } from '../../../agent/api/service.ts';
import { specOf, WORK } from '../core/world.ts';
import { HELD_MS, heldHost } from './held.ts';
import { serve } from './serving.ts';
import { emulated } from '../../../agent/model/work.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';

const work = { ...WORK };
const invocation = { function: 'f', invocation_id: 'one', ...emulated(work) };

test('deploy, invoke, status, drain, remove and watch go through the socket', async (t) => {
  const { client, socket_path } = await serve(t);
  t.is((await stat(socket_path)).mode & 0o777, 0o600);
  const end = new AbortController();
  const records: AgentRecord[] = [];
  const watch = await client.watch({ signal: end.signal });
  const reading = (async () => {
    for await (const record of watch) records.push(record);
  })();
  const spec = specOf('f', { keep_alive_ms: 60_000 });
  const deployed = await client.deploy(spec);
  t.like(deployed, { vmm: 'fake 1.0', accelerator: 'tcg', guest_kernel: '6.12.0-fake' });
  t.like(await client.deploy(spec), { vm_id: deployed.vm_id });
  t.like(await client.invoke(invocation), { outcome: 'done', cold: true, anonymous_bytes: MIB });
  const status = await client.status('', { with_state: true });
  t.like(status, { version: '1.2.3', permits_bytes: 128 * MIB, host_limit_bytes: 4 * GIB });
  t.is(status.pid, process.pid);
  t.is(status.functions[0]?.instances_started, 1, 'the one that was started, not the calls');
  t.deepEqual(status.functions[0]?.function, spec);
  t.is(status.functions[0]?.regions[0]?.plugged_bytes, 128 * MIB);
  t.like(JSON.parse(status.state_json ?? ''), { schema_version: 2, granted_bytes: 384 * MIB });
  t.like(await client.drain('f'), { instances_stopped: 1 });
  t.is((await client.status('f')).permits_bytes, 0);
  t.true((await client.remove('f')).finished_at_ms > 0);
  end.abort();
  await reading;
  const operations = records.flatMap(({ operation }) => operation ?? []);
  t.deepEqual(
    operations.map(({ kind, outcome, cause }) => `${kind} ${outcome} ${cause}`),
    ['plug done start', 'unplug done stop'],
  );
  t.true(records.some(({ memory }) => memory !== undefined && memory.resident_bytes > 0));
});

const REFUSED: readonly {
  readonly name: string;
  readonly call: (client: AgentClient) => Promise<unknown>;
  readonly code: string;
  readonly category: string;
}[] = [
  {
    name: 'an invocation of an unknown function',
    call: (client) => client.invoke(invocation),
    code: 'HP_AGENT_NO_FUNCTION',
    category: 'failure',
  },
  {
    name: 'a function that does not fit the host',
    call: (client) => client.deploy(specOf('f', { boot_bytes: 8 * GIB })),
    code: 'HP_AGENT_NO_MEMORY',
    category: 'unavailable',
  },
  {
    name: 'another spec under the same name',
    call: async (client) => {
      await client.deploy(specOf('f'));
      await client.deploy(specOf('f', { vcpus: 2 }));
    },
    code: 'HP_AGENT_CONFLICT',
    category: 'conflict',
  },
  {
    name: 'a bad name',
    call: (client) => client.deploy(specOf('Not A Name')),
    code: 'HP_AGENT_BAD_REQUEST',
    category: 'usage',
  },
  {
    name: 'a concurrency above the limit',
    call: (client) => client.deploy(specOf('f', { concurrency: 100_000 })),
    code: 'HP_AGENT_BAD_REQUEST',
    category: 'usage',
  },
  {
    name: 'no VM at all',
    call: (client) => client.deploy(specOf('f', { max_vms: 0 })),
    code: 'HP_AGENT_BAD_REQUEST',
    category: 'usage',
  },
  {
    name: 'more VMs than a host may have',
    call: (client) => client.deploy(specOf('f', { max_vms: LIMITS.vms_per_host + 1 })),
    code: 'HP_AGENT_BAD_REQUEST',
    category: 'usage',
  },
];

for (const { name, call, code, category } of REFUSED) {
  test(`${name} is refused with ${code}`, async (t) => {
    const { client } = await serve(t);
    const error = await t.throwsAsync(() => call(client));
    t.like(error, { code, category });
    t.true(isHotplaneError(error) && error.next !== '');
  });
}

test('a socket nobody listens on is HP_AGENT_UNREACHABLE with a next step', async (t) => {
  const client = new AgentClient('/nonexistent/agent.sock');
  const error = await t.throwsAsync(() => client.status());
  t.like(error, { code: 'HP_AGENT_UNREACHABLE', category: 'unavailable' });
  client.close();
});

test('a second agent on the same socket is refused, a stale socket file is replaced', async (t) => {
  const { agent, socket_path, server } = await serve(t);
  const log = pino({ level: 'silent' });
  const again = AgentServer.listen({ agent, socket_path, log });
  t.like(await t.throwsAsync(again), { code: 'HP_AGENT_SOCKET_IN_USE', category: 'conflict' });
  await server.close(1_000);
  await writeFile(socket_path, '');
  const file = AgentServer.listen({ agent, socket_path, log });
  t.like(await t.throwsAsync(file), { code: 'HP_AGENT_SOCKET', category: 'conflict' });
});

test('a cancelled call takes its invocation out of the queue', async (t) => {
  const { client } = await serve(t);
  await client.deploy(specOf('f', { concurrency: 1 }));
  const slow = client.invoke({ ...invocation, ...emulated({ ...work, wall_ms: 300 }) });
  const gone = new AbortController();
  const cancelled = client.invoke(invocation, { signal: gone.signal });
  gone.abort();
  t.like(await t.throwsAsync(cancelled), { code: 'HP_AGENT_CANCELLED' });
  t.like(await slow, { outcome: 'done' });
  t.is((await client.status('f')).functions[0]?.invocations_queued, 0);
});

test('a call that is cancelled while it runs ends its invocation, and its instance', async (t) => {
  const { hypervisor } = heldHost();
  const { client, agent } = await serve(t, undefined, { hypervisor });
  await client.deploy(specOf('f', { concurrency: 1 }));
  const records = agent.watch({ records: ['invocation'] });
  const gone = new AbortController();
  const slow = { ...invocation, ...emulated({ ...work, wall_ms: HELD_MS }) };
  const cancelled = client.invoke(slow, { signal: gone.signal });
  const busy = async () =>
    (await client.status('f')).functions[0]?.instances_busy === 1 ? 1 : null;
  await waitFor(busy, { clock: hostClock, deadline_ms: 30_000 });
  gone.abort();
  t.like(await t.throwsAsync(cancelled), { code: 'HP_AGENT_CANCELLED' });
  let first: string | null = null;
  for await (const { invocation: told } of records) {
    t.like(told, { outcome: 'failed', error_code: 'HP_AGENT_CANCELLED' });
    first = told?.instance_id ?? null;
    records.close();
  }
  const next = await client.invoke(invocation);
  t.is(next.outcome, 'done');
  t.not(next.instance_id, first, 'what the first one does is not known');
  t.is((await client.status('f')).functions[0]?.last_failure, null, 'nobody has to look into it');
});

/** What only an instance, or the workload itself, could have told of a call. */
const MEASURED = [
  'first_byte_at_ms',
  'finished_at_ms',
  'guest_wall_ms',
  'guest_cpu_ms',
  'guest_touch_cpu_ms',
  'anonymous_bytes',
  'minor_faults',
] as const;
const OF_A_START = [
  'instance_ready_at_ms',
  'created_at_ms',
  'sandbox_at_ms',
  'plugged_at_ms',
  'attached_at_ms',
  'operation_id',
] as const;

test('what a call did not reach is null, whether it failed, was refused or was warm', async (t) => {
  const { client } = await serve(t);
  await client.deploy(specOf('f', { concurrency: 1, keep_alive_ms: 60_000 }));
  const cold = await client.invoke(invocation);
  for (const name of [...MEASURED, ...OF_A_START]) t.not(cold[name], null, `cold: ${name}`);
  const warm = await client.invoke(invocation);
  for (const name of MEASURED) t.not(warm[name], null, `warm: ${name}`);
  for (const name of OF_A_START) t.is(warm[name], null, `warm: ${name}`);
  const failed = await client.invoke({
    ...invocation,
    ...emulated({ ...work, anonymous_bytes: GIB }),
  });
  t.like(failed, { outcome: 'failed', error_code: 'HP_AGENT_INSTANCE_OOM' });
  t.true(failed.instance_id !== null && (failed.assigned_at_ms ?? 0) > 0, 'it had an instance');
  for (const name of MEASURED) t.is(failed[name], null, `failed: ${name}`);
});

test('a Deploy of an image that hotplane did not build tells no kernel and no key', async (t) => {
  const { client } = await serve(t);
  const unknown = { kernel_variant: null, kernel_key: null, series_revision: null };
  t.like(await client.deploy(specOf('f')), {
    ...unknown,
    rootfs_key: null,
    guest_kernel: '6.12.0-fake',
  });
});

test('a call that no instance took names none, and no time at which one took it', async (t) => {
  const { client } = await serve(t, 640 * MIB);
  // What it is to keep gives way to nobody.
  await client.deploy(specOf('f', { instances: { min: 1, max: null } }));
  await client.deploy(specOf('g'));
  t.like(await client.invoke(invocation), { outcome: 'done' }, 'f has the last of the memory');
  const refused = await client.invoke({ ...invocation, function: 'g' });
  t.like(refused, { outcome: 'refused', instance_id: null, assigned_at_ms: null });
  for (const name of [...MEASURED, ...OF_A_START]) t.is(refused[name], null, name);
  t.true(refused.received_at_ms > 0);
});

test('what is not known is null on the other side of the socket, and 0 is 0', async (t) => {
  const { client, hypervisor } = await serve(t);
  await client.deploy(specOf('f'));
  t.is((await client.status('f')).functions[0]?.regions[0]?.plugged_bytes, 0);
  hypervisor.vms[0]?.freeze();
  const status = (await client.status('f')).functions[0];
  t.deepEqual(status?.unanswered, ['vmm', 'guest']);
  t.is(status?.regions[0]?.plugged_bytes, null);
  t.is(status?.oom_kills, null);
  t.false(JSON.stringify(status).includes('"_'), 'no trace of the wire format');
  hypervisor.vms[0]?.thaw();
});

test('what named spans came to is told over the socket: those opened, and those denied', async (t) => {
  const { client } = await serve(t);
  const spans = [{ name: 'data', max_bytes: 64 * MIB, host_node: null }];
  await client.deploy(specOf('f', { mechanism: 'hotmem', keep_alive_ms: 60_000, spans }));
  const told = async () => (await client.status('f')).functions[0]?.spans;
  t.like(await told(), { opened: 0, denied: 0, last_denied_code: null, last_denied_at_ms: null });
  const step = { at_ms: 0, touch_bytes: 0, hold_ms: 1, times: 2 };
  const asks = (span: string) => emulated({ ...WORK, spans: [{ ...step, span, bytes: MIB }] });
  t.like(await client.invoke({ ...invocation, ...asks('data') }), { outcome: 'done' });
  t.like(await client.invoke({ ...invocation, ...asks('other') }), { outcome: 'failed' });
  const after = await told();
  t.like(after, { opened: 2, denied: 1, open: 0, last_denied_span: 'other' });
  t.is(after?.last_denied_code, 'HP_AGENT_SPAN_DENIED');
  t.true((after?.held_gib_s ?? 0) > 0);
});

function there(limit_bytes: number) {
  const request = { function: specOf('f', { limit_bytes }), update: false, dry_run: false };
  return SERVICE.Deploy.decodeRequest(SERVICE.Deploy.encodeRequest(request));
}

test('64-bit numbers above 2^53 are refused, not rounded', (t) => {
  t.is(there(MIB).function.limit_bytes, MIB);
  t.throws(() => there(2 ** 53), { code: 'HP_AGENT_BAD_NUMBER' });
  t.throws(() => there(2 ** 53 - 1), {
    code: 'HP_AGENT_BAD_REQUEST',
    message: /^function\.limit_bytes: /,
  });
});

test('what the wire cannot tell is refused before it is sent', async (t) => {
  const { client } = await serve(t);
  for (const limit_bytes of [-1, 1.5, Number.NaN]) {
    const call = client.deploy(specOf('f', { limit_bytes }));
    t.like(await t.throwsAsync(call), { code: 'HP_AGENT_BAD_REQUEST', category: 'usage' });
  }
});

test('a payload of 6 MiB is taken, one of a byte more is refused', async (t) => {
  const { client } = await serve(t);
  await client.deploy(specOf('f'));
  const payload = Buffer.alloc(PROTOCOL.payload_bytes, ' ');
  payload.set(invocation.payload);
  t.like(await client.invoke({ ...invocation, payload }), { outcome: 'done' });
  const more = client.invoke({ ...invocation, payload: Buffer.concat([payload, payload]) });
  await t.throwsAsync(more, { code: 'HP_AGENT_BAD_REQUEST', message: /6 MiB/ });
});

test('bytes that are no message are a bad request, not a fault of the agent', (t) => {
  for (const bytes of [Buffer.from([0x0a, 0xff]), Buffer.from([0x07]), Buffer.alloc(9, 0xff)]) {
    t.throws(() => SERVICE.Deploy.decodeRequest(bytes), { code: 'HP_AGENT_BAD_REQUEST' });
    t.throws(() => SERVICE.Deploy.decodeResponse(bytes), { code: 'HP_AGENT_CALL_FAILED' });
  }
});

test('a watcher gets the kinds of records it asked for, and each call as one', async (t) => {
  const { client } = await serve(t);
  const end = new AbortController();
  const records: AgentRecord[] = [];
  const watch = await client.watch({ records: ['invocation'], signal: end.signal });
  const reading = (async () => {
    for await (const record of watch) records.push(record);
  })();
  await client.deploy(specOf('f'));
  const { failure: _, answer: _answer, ...told } = await client.invoke(invocation);
  await client.invoke({ ...invocation, ...emulated({ ...work, anonymous_bytes: GIB }) });
  await client.remove('f');
  end.abort();
  await reading;
  t.deepEqual(records[0], { invocation: told }, 'what its caller was told, and nothing else');
  t.deepEqual(
    records.map(({ invocation: one }) => one?.outcome),
    ['done', 'failed'],
  );
});

test('a deadline longer than a timer takes does not end the call at once', async (t) => {
  const { client } = await serve(t);
  await client.deploy(specOf('f', { keep_alive_ms: 60_000 }));
  const months_ms = 90 * 86_400_000;
  for (const deadline_ms of [months_ms, Number.POSITIVE_INFINITY]) {
    t.like(await client.invoke(invocation, { deadline_ms }), { outcome: 'done' });
  }
  // The usual deadline is the worst case: 26 days, when all of 192 instances compute for as long.
  const slow = { ...invocation, ...emulated({ ...work, cpu_ms: 12_000_000, wall_ms: 0 }) };
  t.like(await client.invoke(slow), { outcome: 'done' });
});
