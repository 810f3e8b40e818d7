/** The network device: there where the specification has one, and nowhere else. */
import type { TestFn } from 'ava';
import { hasCode } from '../../../errors.ts';
import type { NicSpec } from '../../../vm.ts';
import type { Target } from '../target.ts';
import { type Vms, traces } from '../vms.ts';

/** In the locally administered range, which no manufacturer has. */
const MAC = '02:00:0a:4d:08:10';
const MTU_BYTES = 1_400;

export function describeNic(test: TestFn, target: Target, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  const { tap: makeTap = null } = target;

  test.serial(name('a guest has no network device unless its specification has one'), async (t) => {
    const vm = await vms.launch(await vms.spec({ id: 'no-nic' }));
    t.is(await (await target.guest(vm)).nic(), null);
    await vm.shutdown();
  });

  if (makeTap !== null) {
    test.serial(name('a guest has a network device with address and size as asked'), async (t) => {
      const nic = { tap: await makeTap(), mac: MAC, mtu_bytes: MTU_BYTES };
      const vm = await vms.launch({ ...(await vms.spec({ id: 'nic' })), nic });
      const guest = await target.guest(vm);
      t.deepEqual(await guest.nic(), { mac: MAC, mtu_bytes: MTU_BYTES });
      t.deepEqual(vm.handle.spec.nic, nic, 'an agent that adopts it knows its device');
      await vm.shutdown();
    });
  }

  test.serial(name('a network device that cannot be is refused before the start'), async (t) => {
    const spec = await vms.spec();
    const good = { tap: 'hp0', mac: MAC, mtu_bytes: MTU_BYTES };
    const refused: NicSpec[] = [
      { ...good, tap: 'hp0,script=/bin/sh' },
      { ...good, tap: 'a-name-too-long-for-a-device' },
      { ...good, mac: '01:00:5e:00:00:01' },
      { ...good, mac: '02:00:0a:4d:08' },
      { ...good, mtu_bytes: 100 },
      { ...good, mtu_bytes: 1.5 },
    ];
    for (const nic of refused) {
      const error = await t.throwsAsync(vms.launch({ ...spec, nic }));
      t.true(hasCode(error, 'HP_VMM_BAD_SPEC'), String(error));
      t.deepEqual(await traces(spec.run_dir), []);
    }
  });
}
