/** Read-only disks: the guest finds each by its serial and reads the bytes of its file. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestFn } from 'ava';
import { hasCode, type VmmErrorCode } from '../../../errors.ts';
import { VMM_LIMITS } from '../../../limits.ts';
import type { DiskSpec } from '../../../vm.ts';
import type { Target } from '../target.ts';
import { type Vms, traces } from '../vms.ts';

const SECTOR_BYTES = 512;

export function describeDisks(test: TestFn, target: Target, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;

  test.serial(name('a guest reads its disks by their serials and can write none'), async (t) => {
    const spec = await vms.spec({ id: 'disks' });
    const serials = Array.from({ length: VMM_LIMITS.disks_per_vm }, (_, index) => `disk-${index}`);
    const disks: DiskSpec[] = [];
    for (const serial of serials.toReversed()) {
      const path = join(spec.run_dir, `${serial}.img`);
      await writeFile(path, `this is ${serial}\n`.padEnd(8 * SECTOR_BYTES, '\0'));
      disks.push({ serial, path });
    }
    const vm = await vms.launch({ ...spec, disks });
    const guest = await target.guest(vm);
    for (const serial of serials) {
      t.deepEqual(await guest.disk(serial), { read_only: true, first_line: `this is ${serial}` });
    }
    t.deepEqual(vm.handle.spec.disks, disks);
    await vm.shutdown();
  });

  test.serial(name('disks that cannot be are refused before anything is started'), async (t) => {
    const spec = await vms.spec();
    const path = join(spec.run_dir, 'no-such.img');
    const refused: [DiskSpec[], VmmErrorCode][] = [
      [[{ serial: 'base', path }], 'HP_VMM_BAD_IMAGE'],
      [[{ serial: 'base', path: 'base.img' }], 'HP_VMM_BAD_SPEC'],
      [[{ serial: 'a,b', path }], 'HP_VMM_BAD_SPEC'],
      [Array.from({ length: 2 }, () => ({ serial: 'base', path })), 'HP_VMM_BAD_SPEC'],
    ];
    for (const [disks, code] of refused) {
      const error = await t.throwsAsync(vms.launch({ ...spec, disks }));
      t.true(hasCode(error, code), String(error));
      t.deepEqual(await traces(spec.run_dir), []);
    }
  });
}
