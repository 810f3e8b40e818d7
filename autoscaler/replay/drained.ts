/** Whether a function has given back what it took. Pure. */
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import type { FunctionStatus } from './agent-api.ts';
import { instancesOf } from './records.ts';

/** True when every instance is gone and, unless memory stays by design, every region is empty. */
export function isDrained(status: FunctionStatus, mechanism: MechanismName): boolean {
  const keeps = !MECHANISMS.get(mechanism).plugs_on_demand;
  return (
    instancesOf(status) === 0 &&
    status.invocations_queued === 0 &&
    (keeps || status.regions.every((region) => region.plugged_bytes === 0))
  );
}
