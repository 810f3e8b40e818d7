/** Starts that cannot work: each is one clear error, and leaves nothing. */
import type { TestFn } from 'ava';
import { writeFile } from 'node:fs/promises';
import { hasCode } from '../../../errors.ts';
import type { VmSpec } from '../../../vm.ts';
import { deviceOf } from '../../../spec.ts';
import type { Target } from '../target.ts';
import { eventsOf, junkPath, REGION, traces, type Vms } from '../vms.ts';

export function describeEnds(test: TestFn, target: Target, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;

  test.serial(
    name('a kernel that is none is a failed start, with the words of the VMM'),
    async (t) => {
      const spec = await vms.spec({ id: 'bad-kernel' });
      const kernel_path = junkPath(spec.run_dir);
      await writeFile(kernel_path, 'this is no kernel\n'.repeat(1_000));
      const error = await t.throwsAsync(vms.launch({ ...spec, kernel_path }));
      t.true(hasCode(error, 'HP_VMM_START_FAILED'), String(error));
      t.deepEqual(await traces(spec.run_dir), []);
    },
  );

  test.serial(name('an image that is not there is named'), async (t) => {
    for (const field of ['kernel_path', 'initrd_path'] as const) {
      const spec = await vms.spec();
      const path = junkPath(spec.run_dir);
      const error = await t.throwsAsync(vms.launch({ ...spec, [field]: path }));
      t.true(hasCode(error, 'HP_VMM_BAD_IMAGE'), String(error));
      t.true(error?.message.includes(path));
    }
  });

  test.serial(name('a RAM disk that is none makes the guest panic'), async (t) => {
    const spec = await vms.spec({ id: 'bad-image' });
    const initrd_path = junkPath(spec.run_dir);
    await writeFile(initrd_path, 'this is no RAM disk\n'.repeat(1_000));
    const vm = await vms.launch({ ...spec, initrd_path });
    const types = (await eventsOf(vm)).map((event) => event.type);
    t.deepEqual(types.slice(-2), ['guest-panicked', 'exited']);
    await vm.shutdown();
  });

  test.serial(
    name('a specification that cannot be is refused before anything starts'),
    async (t) => {
      const spec = await vms.spec();
      const [device] = spec.devices;
      const [region] = device?.regions ?? [];
      if (!device || !region) throw new Error('the specification has a region');
      const other = { ...region, id: 'other' };
      const wrong: readonly Partial<VmSpec>[] = [
        { id: '' },
        { vcpus: 0 },
        { boot_bytes: 1 },
        { run_dir: 'relative' },
        { devices: [device, device] },
        { devices: [device, { ...device, id: 'other' }] },
        { devices: [deviceOf({ ...region, max_bytes: 1 })] },
        { devices: [deviceOf({ ...region, initial_bytes: 2 * region.max_bytes })] },
        { devices: [deviceOf(region, 0)] },
        { devices: [{ ...device, regions: [] }] },
        { devices: [{ ...device, regions: [region, region] }] },
        { devices: [{ ...device, regions: [region, { ...other, max_bytes: 2 * REGION }] }] },
        { devices: [{ ...device, regions: [region, { ...other, initial_bytes: REGION }] }] },
      ];
      for (const change of wrong) {
        const error = await t.throwsAsync(vms.launch({ ...spec, ...change }));
        t.true(hasCode(error, 'HP_VMM_BAD_SPEC'), `${JSON.stringify(change)}: ${String(error)}`);
      }
      const run_dir = `${spec.run_dir}/${'x'.repeat(120)}`;
      const error = await t.throwsAsync(vms.launch({ ...spec, run_dir }));
      t.true(hasCode(error, 'HP_VMM_SOCKET_PATH'), String(error));
    },
  );
}
