/** What instances write: kept on the host in order, within bounds, and told to who asks. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { emulated } from '../../../agent/model/work.ts';
import { InstanceLogs } from '../../../agent/observe/instance-logs.ts';
import { hostClock } from '../../../base/clock.ts';
import { KIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { runLine } from '../../cli/run-line.ts';
import { serve } from '../api/serving.ts';
import { specOf, WORK } from '../core/world.ts';

const written = (text: string) => ({
  at_ms: 1,
  instance_id: 'i1',
  stream: 'stdout' as const,
  dropped_bytes: 0,
  bytes: Buffer.from(text),
});

test('the oldest goes when there is too much, of its own function only', (t) => {
  const logs = new InstanceLogs();
  logs.add('quiet', written('once'));
  for (let index = 0; index < 1_000; index += 1) logs.add('loud', written('x'.repeat(KIB)));
  const kept = logs.read('loud', 0);
  const bytes = kept.reduce((sum, one) => sum + one.bytes.length, 0);
  t.true(bytes <= AGENT_LIMITS.function_log_bytes && bytes > AGENT_LIMITS.function_log_bytes / 2);
  t.is(kept.at(-1)?.sequence, 1_001);
  t.is(logs.read('quiet', 0).length, 1);
});

test('entries that say nothing are bounded too, and so are functions', (t) => {
  const logs = new InstanceLogs();
  for (let index = 0; index < 10_000; index += 1) logs.add('f', written(''));
  t.true(logs.read('f', 0).length <= AGENT_LIMITS.function_log_bytes / 64);
  for (let index = 0; index < AGENT_LIMITS.function_logs; index += 1) {
    logs.add(`f${index}`, written('x'));
  }
  t.is(logs.read('f', 0).length, 0, 'who wrote nothing for longest is forgotten');
});

test('what an instance wrote is told by `hotplane logs`, what was dropped beside it', async (t) => {
  const { client, hypervisor, socket_path } = await serve(t);
  await client.deploy(specOf('f', { keep_alive_ms: 60_000 }));
  await client.invoke({ function: 'f', invocation_id: 'one', ...emulated(WORK) });
  const guest = hypervisor.vms[0]?.guest;
  const [instance = ''] = guest?.instances.keys() ?? [];
  guest?.writes(instance, 'stdout', 'hello\n');
  guest?.writes(instance, 'stderr', 'again', 7);
  const all = async () => ((await client.logs('f', 0)).length === 2 ? true : null);
  t.true(await waitFor(all, { clock: hostClock, deadline_ms: 60_000 }));
  const [first] = await client.logs('f', 0);
  t.like(first, { instance_id: instance, stream: 'stdout', dropped_bytes: 0 });
  t.is((await client.logs('f', first?.sequence ?? 0)).length, 1, 'only what came after');
  const { code, out, err } = await runLine(`logs f --socket ${socket_path}`);
  t.is(code, 0);
  t.is(out, `${instance}: hello\n${instance}: again\n`);
  t.regex(err, /7 bytes were dropped/);
  await client.remove('f');
  t.is((await client.logs('f', 0)).length, 2, 'also when it is gone');
  await client.deploy(specOf('g'));
  t.deepEqual(await client.logs('g', 0), []);
  await t.throwsAsync(client.logs('h', 0), { code: 'HP_AGENT_NO_FUNCTION' });
});
