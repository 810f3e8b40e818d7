/**
 * Goal: `hotplane explain` tells what of an instance's memory is in use, of each part where it has
 * two, and of which of them it is not known.
 */
import test from 'ava';
import { execa } from 'execa';
import { emulated } from '../../agent/model/work.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { hostClock } from '../../base/clock.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { useOf, useText } from '../../cli/instance-use.ts';
import { serve } from '../agent/api/serving.ts';
import { specOf, WORK } from '../agent/core/world.ts';

const ONE = { vm_id: 'vm1', region_id: 'r0', used_bytes: null, tiers: null };
const TWO = { ...ONE, tiers: { region_id: 'r1' } };

const told = (id: string, mib: number | null) => ({
  id,
  vm_id: 'vm1',
  used_bytes: mib === null ? null : mib * MIB,
});

test('of two parts each is told, and in all what is known of both', (t) => {
  for (const [about, near, far, wanted] of [
    [TWO, 75, 225, '300 MiB: 75 MiB near, 225 MiB far'],
    [TWO, 0, 0, '0 B: 0 B near, 0 B far'],
    [TWO, 75, null, '75 MiB near, unknown far'],
    [TWO, null, 225, 'unknown near, 225 MiB far'],
    [TWO, null, null, 'unknown'],
    [ONE, 75, 225, '75 MiB'],
    [ONE, null, 225, 'unknown'],
    [{ ...ONE, used_bytes: MIB }, 75, 225, '1 MiB'],
  ] as const) {
    const use = useOf(about, [told('r0', near), told('r1', far)]);
    t.is(useText(use, about.tiers !== null), wanted);
  }
});

test('regions of the same name in another VM say nothing of it', (t) => {
  const other = { ...told('r0', 75), vm_id: 'vm2' };
  t.deepEqual(useOf(ONE, [other]), { all_bytes: null, near_bytes: null, far_bytes: null });
});

for (const mechanism of ['hotmem', 'numa']) {
  for (const has_parts of [true, false]) {
    const what = `${mechanism}: what a guest tells of ${has_parts ? 'both parts' : 'its region'}`;
    test(what, async (t) => {
      const node_limits = [{ node: 2, bytes: GIB }];
      const served = await serve(t, 4 * GIB, { bounds: { node_limits } });
      const { agent, hypervisor, socket_path } = served;
      const tiers = has_parts ? { far_node: 2, share: 0.25, table: null } : null;
      const sizes = { limit_bytes: 512 * MIB, keep_alive_ms: 1e6 };
      await agent.deploy(specOf('f', { mechanism, ...sizes, concurrency: 1, tiers }));
      t.like(await agent.invoke('f', 'one', emulated(WORK)), { outcome: 'done' });
      const [vm] = hypervisor.vms;
      for (const [index, { pci_address }] of (vm?.regions ?? []).entries()) {
        vm?.guest.used_bytes.set(pci_address, [75 * MIB, 225 * MIB][index] ?? 0);
      }
      const [id = ''] = vm?.guest.instances.keys() ?? [];
      const argv = ['cli/main.ts', 'explain', id, '--socket', socket_path];
      const run = async (...words: readonly string[]): Promise<string> =>
        (await execa(process.execPath, [...argv, ...words], { cwd: PROJECT_ROOT })).stdout;
      const text = has_parts ? '300 MiB: 75 MiB near, 225 MiB far' : '75 MiB';
      t.regex(await run(), new RegExp(`^  in use      ${text}$`, 'm'));
      const json: unknown = JSON.parse(await run('--json'));
      t.like(json, {
        used_bytes: (has_parts ? 300 : 75) * MIB,
        tiers: has_parts ? { near_used_bytes: 75 * MIB, far_used_bytes: 225 * MIB } : null,
      });
      const { functions } = await agent.status('f');
      const used = functions[0]?.regions.map(({ used_bytes }) => used_bytes);
      t.deepEqual(used, has_parts ? [75 * MIB, 225 * MIB] : [75 * MIB]);
    });
  }
}

const TABLE = {
  slo_ms: 60_000,
  source: 'modelled',
  note: 'stated',
  rows: [
    { share: 0.25, latency_ms: 30_000 },
    { share: 0.5, latency_ms: 10 },
  ],
} as const;

test('when unused memory changed its tier is told', async (t) => {
  const bounds = { node_limits: [{ node: 2, bytes: GIB }] };
  const { agent, hypervisor, socket_path } = await serve(t, 4 * GIB, { bounds });
  const tiers = { far_node: 2, share: null, table: TABLE };
  const sizes = { limit_bytes: 512 * MIB, keep_alive_ms: 12_000, concurrency: 1 };
  await agent.deploy(specOf('f', { mechanism: 'hotmem', ...sizes, tiers }));
  const has_moved = await waitFor(
    async () => {
      await agent.invoke('f', 'one', emulated(WORK));
      const [near, far] = hypervisor.vms[0]?.regions ?? [];
      return near?.plugged_bytes === 256 * MIB && far?.plugged_bytes === 256 * MIB ? true : null;
    },
    { clock: hostClock, deadline_ms: 30_000 },
  );
  t.true(has_moved);
  const [id = ''] = hypervisor.vms[0]?.guest.instances.keys() ?? [];
  const argv = ['cli/main.ts', 'explain', id, '--socket', socket_path];
  const { stdout } = await execa(process.execPath, argv, { cwd: PROJECT_ROOT });
  t.regex(
    stdout,
    /^ {2}tiers {7}256 MiB near, 256 MiB on host node 2 \(r1\): share 0.5 was chosen$/m,
  );
  t.regex(stdout, /^ {2}moved {7}[0-9.]+ m?s ago: its unused memory changed its tier$/m);
});
