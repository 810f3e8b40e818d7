/** What must hold after every step, whatever the guest, the VMM or the callers do. */
import { assert } from '../../base/assert.ts';
import type { FunctionState, HostState } from '../model/state.ts';

/** Checks the functions that changed. A failure is a bug of the core. */
export function checkHost(state: HostState, names: Iterable<string>): void {
  for (const name of names) {
    const fn = state.functions.get(name);
    if (fn) checkFunction(fn);
  }
}

function checkFunction(fn: FunctionState): void {
  for (const region of fn.regions) {
    assert(region.permit_bytes >= region.plugged_bytes, 'a permit covers what is plugged');
    if (region.retry_at_ms !== null) {
      assert(region.operation_id === null, 'a retry waits only where nothing is under way');
    }
  }
  const held = fn.regions.filter((region) => region.instance_id !== null);
  assert(held.length === fn.instances.length, 'every instance has one region of its own');
  for (const instance of fn.instances) {
    const region = fn.regions[instance.region_index];
    assert(region?.instance_id === instance.id, 'an instance and its region agree');
    assert(
      (instance.phase === 'busy') === (instance.invocation !== null),
      'busy has an invocation',
    );
    if (instance.plug_pending) {
      assert(region.operation_id !== null, 'a pending plug is a resize under way');
    }
    if (instance.phase === 'stopping') {
      const waits = instance.stop_pending || instance.stop_retry_at_ms !== null;
      const answered = instance.gone_at_ms !== null;
      assert(waits || answered, 'a stopping instance waits for something');
    }
  }
  if (fn.phase === 'lost') assert(fn.regions.length === 0, 'a lost VM holds nothing');
}
