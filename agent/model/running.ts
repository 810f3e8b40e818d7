import type { VmState } from './state.ts';

/** How many of all instances work on an invocation. */
export function countRunning(vms: Iterable<Pick<VmState, 'instances'>>): number {
  let running = 0;
  for (const { instances } of vms) {
    for (const { invocation } of instances) if (invocation !== null) running += 1;
  }
  return running;
}
