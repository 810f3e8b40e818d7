/** A host that is cordoned or drained says so on every surface, by whom and why. */
import test from 'ava';
import { pino } from 'pino';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { runLine } from '../../cli/run-line.ts';
import { specOf, WORK } from '../core/world.ts';
import { HELD_MS, heldHost } from './held.ts';
import { serve } from './serving.ts';

const WARM = specOf('f', { concurrency: 2, keep_alive_ms: 600_000 });
const call = (wall_ms: number) => ({
  function: 'f',
  invocation_id: 'x',
  ...emulated({ ...WORK, wall_ms }),
});

test('a drain of the host waits for what runs, ends every VM, and says so while it goes on', async (t) => {
  const { hypervisor, release } = heldHost();
  const { client, socket_path } = await serve(t, undefined, { hypervisor });
  await client.deploy(WARM);
  const runs = client.invoke(call(HELD_MS));
  const busy = async () => ((await client.host()).instances_busy === 1 ? 1 : null);
  await waitFor(busy, { clock: hostClock, deadline_ms: 30_000 });
  const drained = runLine(`drain --host --reason firmware --socket ${socket_path}`);
  const draining = async () => ((await client.host()).availability === 'draining' ? 1 : null);
  await waitFor(draining, { clock: hostClock, deadline_ms: 30_000 });
  t.like(await client.invoke(call(0)), { outcome: 'refused' });
  await t.throwsAsync(client.deploy(specOf('g')), {
    code: 'HP_AGENT_HOST_CORDONED',
    message: /drained by .*: firmware/,
  });
  release();
  t.like(await runs, { outcome: 'done' });
  const { code, out, err } = await drained;
  t.is(code, 0, err);
  t.regex(err, /^draining: 1 VM, 1 instance at work, 0 stopping, 0 invocations waiting$/m);
  t.regex(out, /^the host is drained by .+ since \d{4}-.*Z: firmware\n1 function, 0 VMs/);
  t.deepEqual(hypervisor.alive(), []);
  t.like(await client.host(), { availability: 'drained', granted_bytes: 0 });
  t.regex((await runLine(`status --socket ${socket_path}`)).out, /the host is drained by/);
  const open = await runLine(`uncordon --json --socket ${socket_path}`);
  t.like(JSON.parse(open.out), { availability: 'open', cordon: null });
  t.like(await client.invoke(call(0)), { outcome: 'done' });
});

test('a cordon is in status, host, metrics, readiness, the dump and explain', async (t) => {
  const { client, agent, socket_path } = await serve(t);
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, quiet);
  t.teardown(() => surface.close());
  surface.attach(agent);
  surface.serving();
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${surface.server.port}${path}`);
    return { status: response.status, body: await response.text() };
  };
  await client.deploy(WARM);
  await client.invoke(call(0));
  t.like(await get('/readyz'), { status: 200 });
  t.regex((await get('/metrics')).body, /^hotplane_host_cordon_level 0$/m);
  const { code, err } = await runLine(`cordon --reason disk --socket ${socket_path}`);
  t.is(code, 0, err);
  t.like(await client.invoke(call(0)), { outcome: 'done' }, 'what is warm serves on');
  const cordon = { availability: 'cordoned', reason: 'disk' };
  t.like(await client.host(), { availability: 'cordoned', cordon });
  const status = await client.status('', { with_state: true });
  t.like(status, { cordon });
  t.like(JSON.parse(status.state_json ?? ''), { cordon: { drains: false, reason: 'disk' } });
  const ready = await get('/readyz');
  t.is(ready.status, 503);
  t.regex(ready.body, /^cordoned by .+: disk\n$/);
  t.like(await get('/healthz'), { status: 200 });
  const level = async () =>
    /^hotplane_host_cordon_level 1$/m.test((await get('/metrics')).body) ? 1 : null;
  await waitFor(level, { clock: hostClock, deadline_ms: 30_000 });
  const [instance] = await Array.fromAsync(client.instances());
  t.notRegex((await client.explain(instance?.instance_id ?? '')).next, /drained/);
});

test('drain takes a function or the host, and not both or neither', async (t) => {
  for (const line of ['drain', 'drain f --host']) {
    const { code, err } = await runLine(line);
    t.is(code, 2);
    t.regex(err, /HP_CLI_BAD_ARGUMENTS/);
  }
});

const quiet = pino({ level: 'silent' });
