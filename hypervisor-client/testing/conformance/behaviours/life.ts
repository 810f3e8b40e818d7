/** Resets, kills and adoption: what becomes of a VM without being asked. */
import type { TestFn } from 'ava';
import { hasCode } from '../../../errors.ts';
import { isAlive } from '../../../../base/process.ts';
import { readHandle } from '../../../lifecycle/run-dir.ts';
import type { Vm } from '../../../vm.ts';
import type { Target } from '../target.ts';
import { eventsOf, REGION, traces, type Vms } from '../vms.ts';

export function describeLife(test: TestFn, target: Target, vms: Vms): void {
  const name = (what: string) => `${target.profile.title}: ${what}`;
  let killed: Vm;

  test.serial(name('a guest that resets is told, and its VM is over'), async (t) => {
    const vm = await vms.launch(await vms.spec({ id: 'reset' }));
    const guest = await target.guest(vm);
    const events = eventsOf(vm);
    guest.reboot();
    const types = (await events).map((event) => event.type);
    t.deepEqual(types.slice(-2), ['guest-reset', 'exited']);
    t.is((await vm.observe()).state, 'stopped');
    await vm.shutdown();
    t.deepEqual(await traces(vm.handle.spec.run_dir), []);
  });

  test.serial(name('a run folder in use is refused and left alone'), async (t) => {
    killed = await vms.launch(await vms.spec({ id: 'killed' }));
    const error = await t.throwsAsync(vms.launch(killed.handle.spec));
    t.true(hasCode(error, 'HP_VMM_RUN_DIR_TAKEN'), String(error));
    t.is((await killed.observe()).state, 'running');
  });

  test.serial(name('the handle in the run folder is the handle of the VM'), async (t) => {
    t.deepEqual(await readHandle(killed.handle.spec.run_dir), killed.handle);
  });

  test.serial(name('a VMM that is killed fails what was under way'), async (t) => {
    const { pid, pid_start_ticks } = killed.handle;
    const events = eventsOf(killed);
    const resizing = killed.resizeRegion('r0', REGION, { deadline_ms: target.resize_ms });
    process.kill(pid, 'SIGKILL');
    const result = await resizing;
    t.is(result.outcome, 'failed', result.reason ?? '');
    t.not(result.reason, null);
    const last = (await events).at(-1);
    t.is(last?.type, 'exited');
    t.is(last?.type === 'exited' ? last.signal : null, 'SIGKILL');
    t.false(await isAlive({ pid, start_ticks: pid_start_ticks }));
    const { state, regions, resident_bytes } = await killed.observe();
    t.deepEqual([state, resident_bytes, regions[0]?.plugged_bytes], ['stopped', 0, 0]);
  });

  test.serial(
    name('a VM that is gone cannot be adopted, and its folder is free again'),
    async (t) => {
      const error = await t.throwsAsync(target.hypervisor().adopt(killed.handle));
      t.true(hasCode(error, 'HP_VMM_GONE'), String(error));
      await killed.shutdown();
      t.deepEqual(await traces(killed.handle.spec.run_dir), []);
      const again = await vms.launch(killed.handle.spec);
      await again.shutdown();
      t.deepEqual(await traces(killed.handle.spec.run_dir), []);
    },
  );
}
