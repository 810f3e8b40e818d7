/** Memory in huge pages for certain: the host's pool, and who is told when it is too small. */
import test from 'ava';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MEMORY_BLOCK_BYTES as REGION, MIB } from '../../../base/units.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { readHugePages, requireHugePages } from '../../../hypervisor-client/host/huge-pages.ts';
import { checkBacking, inHugePages } from '../../../hypervisor-client/resize/huge-memory.ts';
import { type ResizePort, runResize } from '../../../hypervisor-client/resize/runner.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import type { VmSpec } from '../../../hypervisor-client/vm.ts';
import { FakeClock } from '../../fakes/clock.ts';

const SPEC: VmSpec = {
  id: 'vm',
  run_dir: '/run/vm',
  kernel_path: '/kernel',
  initrd_path: '/initrd',
  kernel_arguments: [],
  vcpus: 1,
  boot_bytes: REGION,
  devices: [deviceOf({ id: 'r0', max_bytes: REGION, initial_bytes: REGION })],
  backing: 'huge',
  accelerator: 'auto',
};

test('the pool is read, less what was promised to others; a host without one has no pages', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-huge-'));
  t.teardown(async () => await rm(root, { recursive: true, force: true }));
  t.deepEqual(readHugePages(root), { total: 0, free: 0 });
  const dir = join(root, 'kernel', 'mm', 'hugepages', 'hugepages-2048kB');
  await mkdir(dir, { recursive: true });
  const counts = { nr_hugepages: 64, free_hugepages: 40, resv_hugepages: 8 };
  for (const [name, value] of Object.entries(counts))
    await writeFile(join(dir, name), `${value}\n`);
  t.deepEqual(readHugePages(root), { total: 64, free: 32 });
});

test('too few pages are told in numbers, with what to do next', (t) => {
  t.notThrows(() => requireHugePages('It', 64 * MIB, { total: 64, free: 32 }));
  for (const [total, free, words] of [
    [64, 31, /It needs 32 pages of 2 MiB, but 31 of 64 are free/],
    [0, 0, /but none is set apart on this host/],
  ] as const) {
    const error = t.throws(() => requireHugePages('It', 64 * MIB, { total, free }));
    t.true(hasCode(error, 'HP_VMM_NO_HUGE_PAGES'), String(error));
    t.regex(error?.message ?? '', words);
  }
});

test('a VM is refused without a pool, or without pages for what it has from boot on', (t) => {
  const enough = { total: 64, free: 64 };
  t.notThrows(() => checkBacking(SPEC, () => enough));
  t.notThrows(() => checkBacking({ ...SPEC, backing: 'memfd' }, () => ({ total: 0, free: 0 })));
  for (const [spec, pool, boot_bytes] of [
    [{ ...SPEC, devices: [] }, { total: 0, free: 0 }, 0],
    [SPEC, { total: 64, free: 63 }, 0],
    [SPEC, enough, 2 * MIB],
  ] as const) {
    const error = t.throws(() => checkBacking(spec, () => pool, boot_bytes));
    t.true(hasCode(error, 'HP_VMM_NO_HUGE_PAGES'), String(error));
  }
});

test('a plug beyond the pool is refused before the VMM hears of it, an unplug never', async (t) => {
  const clock = new FakeClock();
  const asked: number[] = [];
  let plugged_bytes = 0;
  const port: ResizePort = {
    plugs_unseen: true,
    setTarget: async (bytes) => {
      asked.push(bytes);
      plugged_bytes = bytes;
    },
    nudge: async () => undefined,
    look: async () => ({ plugged_bytes, resident_bytes: plugged_bytes }),
  };
  let free = 64;
  const huge = inHugePages(port, 'r0', () => ({ total: 64, free }));
  const sizes = { max_bytes: REGION, block_bytes: 2 * MIB };
  const resize = async (target_bytes: number, port_of = huge) => {
    // The caller's word does for ports that need no look; what a pool must have is worked out.
    const request = { region_id: 'r0', target_bytes, known_bytes: plugged_bytes, ...sizes };
    return await clock.until(runResize(port_of, { ...request, deadline_ms: 1_000 }, clock));
  };
  t.like(await resize(REGION / 2), { outcome: 'done' });
  free = 32;
  const anew = inHugePages(port, 'r0', () => ({ total: 64, free }));
  t.like(await resize(REGION, anew), { outcome: 'done' }, 'one of a VM that was adopted');
  free = 64;
  t.like(await resize(REGION / 2), { outcome: 'done' });
  free = 31;
  const refused = await resize(REGION);
  t.like(refused, { outcome: 'refused', error_code: 'HP_VMM_NO_HUGE_PAGES' });
  t.is(refused.plugged_bytes, REGION / 2);
  free = 32;
  t.like(await resize(REGION), { outcome: 'done' });
  free = 0;
  t.like(await resize(0), { outcome: 'done' });
  t.deepEqual(asked, [REGION / 2, REGION, REGION / 2, REGION, 0]);
});
