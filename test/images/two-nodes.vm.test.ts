/**
 * Goal: pages of an instance that has two nodes come from both by the turns that it was given, by
 * the guest kernel's own word and by that of the host, and both regions are empty after it.
 * Method: a real VM with a node for each of two regions, and a program that touches memory and
 * reads its numa_maps.
 */
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { MIB } from '../../base/units.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import type { StartRequest } from '../../guest/protocol/protocol.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { connectGuest, launchGuest, REGION_BYTES } from './booted-guest.ts';

const RESIZE = { deadline_ms: 60_000 } as const;
const TURNS = fileURLToPath(new URL('guest/turns.c', import.meta.url));
/** More than one round of turns is of no weight beside it. */
const TOUCHED_MIB = 64;

test('pages of an instance lie on both of its nodes, as it was told', async (t) => {
  const program = await ensureStaticProgram({ name: 'test-turns', sources: [TURNS] });
  const guest = await connectGuest(
    await launchGuest(t, 'nodes', [], { 'bin/test-turns': program }),
  );
  const [near_pci = '', far_pci = ''] = guest.pci;
  const both = (name: string, weights: readonly [number, number]): Partial<StartRequest> => ({
    attach: 'numa',
    attach_timeout_ms: 90_000,
    memory_max_bytes: 2 * REGION_BYTES,
    guest_node: 1,
    region_pci: near_pci,
    far_node: 2,
    far_pci,
    near_weight: weights[0],
    far_weight: weights[1],
    argv: ['/bin/test-turns', String(TOUCHED_MIB), '1', name],
    env: { [PROTOCOL.ready_variable]: PROTOCOL.ready_exec },
  });
  let is_there = false;
  const first = guest.start('250', both('250', [1, 3])).finally(() => {
    is_there = true;
  });
  t.is((await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE)).outcome, 'done');
  t.false(is_there, 'its other region holds nothing');
  t.is((await guest.vm.resizeRegion('r1', REGION_BYTES, RESIZE)).outcome, 'done');
  await first;
  t.like(await guest.exitOf('250'), { status: 0, reason: 'exited' }, 'a quarter is near');
  const { regions } = await guest.vm.observe();
  const [near_bytes = 0, far_bytes = 0] = regions.map(({ resident_bytes }) => resident_bytes ?? 0);
  t.log(`by the host: ${near_bytes / MIB} MiB near, ${far_bytes / MIB} MiB far`);
  t.true(far_bytes > 2 * near_bytes && near_bytes >= (TOUCHED_MIB * MIB) / 4);
  await guest.ask({ type: 'stop', instance: '250' });
  for (const [name, weights] of [
    ['750', [3, 1]],
    ['500', [1, 1]],
  ] as const) {
    await guest.start(name, both(name, weights));
    t.like(await guest.exitOf(name), { status: 0, reason: 'exited' }, `turns of ${weights.join()}`);
    await guest.ask({ type: 'stop', instance: name });
  }
  const migrated = (await guest.stats()).pages_migrated;
  for (const region of ['r0', 'r1']) {
    const ended = await guest.vm.resizeRegion(region, 0, RESIZE);
    t.like(ended, { outcome: 'done', plugged_bytes: 0 }, region);
  }
  t.true((await guest.stats()).pages_migrated - migrated < 1_000, 'nothing of others was in them');
  for (const wrong of [
    { near_weight: 0 },
    { far_weight: 256 },
    { far_node: 1 },
    { attach: 'none', guest_node: -1 },
  ] as const) {
    const refused = guest.start('wrong', { ...both('0', [1, 1]), ...wrong });
    await t.throwsAsync(refused, { message: /bad-request/ }, JSON.stringify(wrong));
  }
});
