/**
 * What is plugged has its pages of the host when the plug is done, where the driver says so: seen
 * by the host's word alone, in a guest that touches nothing of it. A VM for each host backing.
 */
import type { ExecutionContext, TestFn } from 'ava';
import { readHugePages } from '../../../host/huge-pages.ts';
import type { Vm } from '../../../vm.ts';
import type { Target } from '../target.ts';
import { HOST_BACKINGS, REGION, type Vms } from '../vms.ts';

/** The host gives them back, and takes them again. */
const REUSES = 2;

export function describePopulated(test: TestFn, target: Target, vms: Vms): void {
  const { profile } = target;
  for (const backing of HOST_BACKINGS) {
    // Such a VM cannot be started then.
    if (backing === 'huge' && readHugePages().free < REGION) continue;
    const can = profile.populates_plugged.includes(backing);
    const word = can ? 'has its pages at once' : 'is not said to have its pages at once';
    test.serial(`${profile.title}: what is plugged of ${backing} memory ${word}`, async (t) => {
      const spec = await vms.spec({ id: `populates-${backing}`, backing, populate: true });
      const vm = await vms.launch(spec);
      t.is(vm.populates_plugged, can);
      await target.guest(vm);
      for (let reuse = 0; reuse < REUSES; reuse += 1) await plugAndGiveBack(t, { vm, can, target });
      await vm.shutdown();
    });
  }
}

async function plugAndGiveBack(
  t: ExecutionContext,
  { vm, can, target }: { readonly vm: Vm; readonly can: boolean; readonly target: Target },
): Promise<void> {
  const deadline = { deadline_ms: target.resize_ms };
  const residentOf = async (): Promise<number> =>
    (await vm.observe()).regions[0]?.resident_bytes ?? Number.NaN;
  const plugged = await vm.resizeRegion('r0', REGION, deadline);
  t.is(plugged.outcome, 'done', plugged.reason ?? '');
  const resident_bytes = await residentOf();
  t.log(`${resident_bytes} bytes are resident after the plug`);
  if (can) t.is(resident_bytes, REGION);
  // Ordinary memory of a guest goes back only as far as its kernel can part with it.
  const unplugged = await vm.resizeRegion('r0', 0, deadline);
  t.is(unplugged.outcome, 'done', unplugged.reason ?? '');
  t.is(await residentOf(), 0);
}
