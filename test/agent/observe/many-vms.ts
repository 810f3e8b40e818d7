/** The state of a host with many VMs, a function each, that nothing runs. */
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { step } from '../../../agent/core/step.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { emptyHost, type HostState } from '../../../agent/model/state.ts';
import { GIB } from '../../../base/units.ts';
import { readyEvent } from '../core/outcomes.ts';
import { specOf } from '../core/world.ts';

/** `vms` functions f0, f1 ..., with a running VM of `concurrency` regions each. */
export function hostOf(vms: number, concurrency: number): HostState {
  let state = emptyHost(1_024 * GIB);
  const take = (event: HostEvent): void => {
    ({ state } = step(state, event, 0, { policy: DEFAULT_POLICY, recording: false }));
  };
  for (let index = 0; index < vms; index += 1) {
    take({ type: 'deploy', request_id: `q${index}`, spec: specOf(`f${index}`, { concurrency }) });
  }
  for (const { id, regions } of state.vms.values()) {
    take(
      readyEvent(
        id,
        0,
        regions.map(({ device }) => device),
      ),
    );
  }
  return state;
}
