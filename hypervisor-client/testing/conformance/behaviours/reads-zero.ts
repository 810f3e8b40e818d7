/**
 * What a guest plugs reads zero where the driver says so: looked at by a guest that clears nothing
 * of it, after it wrote to all that it had and gave it back. A VM for each host backing.
 */
import type { ExecutionContext, TestFn } from 'ava';
import { MIB } from '../../../../base/units.ts';
import { readHugePages } from '../../../host/huge-pages.ts';
import type { Vm } from '../../../vm.ts';
import type { PartitionedTarget, Target } from '../target.ts';
import { HOST_BACKINGS, REGION, until, type Vms } from '../vms.ts';

/** Reused so often: pages come back in another order. */
const REUSES = 3;

export function describeZero(test: TestFn, target: Target, vms: Vms): void {
  const { partitions, profile } = target;
  for (const backing of HOST_BACKINGS) {
    // Such a VM cannot be started then.
    if (backing === 'huge' && readHugePages().free < REGION) continue;
    const has = profile.plugged_reads_zero.includes(backing);
    const word = has ? 'reads zero' : 'is not said to read zero';
    test.serial(`${profile.title}: what is plugged of ${backing} memory ${word}`, async (t) => {
      const image = partitions ? await partitions.image(1) : {};
      const spec = await vms.spec({ id: `zero-${backing}`, boot_bytes: 512 * MIB, backing });
      const vm = await vms.launch({ ...spec, ...image });
      t.is(vm.plugged_reads_zero, has);
      if (has && partitions) await looksZero(t, { ...target, partitions }, vm);
      await vm.shutdown();
    });
  }
}

async function looksZero(t: ExecutionContext, target: PartitionedTarget, vm: Vm): Promise<void> {
  const guest = await target.partitions.guest(vm);
  const { bytes } = guest;
  if (!bytes) return t.log('this guest cannot look at bytes');
  await bytes.trust();
  const deadline = { deadline_ms: target.resize_ms };
  for (let reuse = 0; reuse < REUSES; reuse += 1) {
    const plugged = await vm.resizeRegion('r0', REGION, deadline);
    t.is(plugged.outcome, 'done', plugged.reason ?? '');
    const [region] = (await vm.observe()).regions;
    if (!region) throw new Error('the VM has no region');
    t.true(await bytes.fill(region), `use ${reuse + 1} of the region found bytes in it`);
    await guest.leave(region);
    await until('nothing is plugged any more', target.resize_ms, async () => {
      const { outcome } = await vm.resizeRegion('r0', 0, deadline);
      return outcome === 'done';
    });
  }
}
