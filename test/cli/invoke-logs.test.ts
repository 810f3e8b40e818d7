/** `hotplane invoke --logs`: what the instance wrote while it ran, beside the answer. */
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { HELD_MS, heldHost } from '../agent/api/held.ts';
import { serve } from '../agent/api/serving.ts';
import { specOf } from '../agent/core/world.ts';
import { runLine } from './run-line.ts';

test('what the instance writes meanwhile follows on stderr; what it wrote before does not', async (t) => {
  const { hypervisor, release } = heldHost();
  const { client, socket_path } = await serve(t, undefined, { hypervisor });
  await client.deploy(specOf('f', { concurrency: 1, keep_alive_ms: 600_000 }));
  const line = (wall_ms: number) =>
    runLine(`invoke f --touch 1MiB --socket ${socket_path} --logs --wall-ms ${wall_ms}`);
  t.is((await line(0)).err, '');
  const { functions } = await client.status('f');
  const id = functions[0]?.regions.find((region) => region.instance_id)?.instance_id ?? '';
  const [vm] = hypervisor.vms;
  vm?.guest.writes(id, 'stdout', 'too early\n');
  const told = line(HELD_MS);
  const busy = async () =>
    (await client.status('f')).functions[0]?.instances_busy === 1 ? 1 : null;
  await waitFor(busy, { clock: hostClock, deadline_ms: 30_000 });
  vm?.guest.writes(id, 'stderr', 'at work\n');
  vm?.guest.writes('other', 'stdout', "somebody's else\n");
  release();
  const { code, out, err } = await told;
  t.is(code, 0, err);
  t.regex(out, new RegExp(`^${id}: done after `));
  t.is(err, 'at work\n');
});
