/** What must hold of a host that is short of memory, reckoned apart from the core. */
import type { Action } from '../../../agent/model/actions.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { PRESSURE_LEVELS, type PressureLevel } from '../../../agent/model/pressure.ts';
import type { HostState } from '../../../agent/model/state.ts';

/** Nobody waits for these. */
const AHEAD: ReadonlySet<string> = new Set(['pool', 'gain']);

/** Throws where a step gives what the host cannot, or takes back in another order than stated. */
export function checkPressure(
  before: HostState,
  after: HostState,
  actions: readonly Action[],
  event: HostEvent,
): void {
  checkGrants(before, after, actions);
  const at = (level: PressureLevel): boolean =>
    PRESSURE_LEVELS.indexOf(after.pressure.level) >= PRESSURE_LEVELS.indexOf(level);
  for (const action of actions) {
    if (action.type === 'launch-vm' && at('starts') && event.type !== 'restarted') {
      throw new Error('a VM started under pressure');
    }
    if (action.type !== 'resize-region' || isAgain(before, action)) continue;
    const { cause, kind } = action.order;
    const level = cause === 'grow' ? 'growth' : cause === 'start' ? 'starts' : 'reserve';
    const takes = kind === 'plug' && (cause === 'grow' || cause === 'start' || AHEAD.has(cause));
    if (takes && at(level)) throw new Error(`'${cause}' at pressure '${after.pressure.level}'`);
  }
  // When it is over functions are asked again, and what is due then stops in an order of its own.
  if (event.type === 'host-memory' && after.pressure.level !== 'none') checkOrder(before, actions);
}

/** Asked for by an earlier step, and once more after a restart. */
function isAgain(
  before: HostState,
  { order }: Extract<Action, { type: 'resize-region' }>,
): boolean {
  return before.operations.has(order.id);
}

function checkGrants(before: HostState, after: HostState, actions: readonly Action[]): void {
  const { told, config, granted } = after;
  if (!told || config.host_keep_bytes === null || granted.host <= before.granted.host) return;
  const reported = actions.some((one) => one.type === 'report' && one.code.includes('BOOK'));
  const has = (told.resident_bytes ?? Infinity) + told.available_bytes - config.host_keep_bytes;
  if (granted.host > Math.max(0, has) && !reported) {
    throw new Error(`${granted.host} granted of ${has} that the host has`);
  }
}

/** What is plugged ahead of starts first, then idle instances, the longest idle first. */
function checkOrder(before: HostState, actions: readonly Action[]): void {
  let last_idle_ms = Number.NEGATIVE_INFINITY;
  let stopped = false;
  for (const action of actions) {
    if (action.type === 'resize-region' && action.order.cause === 'pressure' && stopped) {
      throw new Error('an idle instance gave way before what is plugged ahead of starts');
    }
    if (action.type !== 'stop-instance') continue;
    stopped = true;
    const instances = before.vms.get(action.vm_id)?.instances ?? [];
    const { idle_since_ms = 0 } = instances.find(({ id }) => id === action.instance_id) ?? {};
    if (idle_since_ms < last_idle_ms) throw new Error('not the longest idle first');
    last_idle_ms = idle_since_ms;
  }
}
