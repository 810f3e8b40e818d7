/**
 * Asks many VMs what they know of themselves, side by side but a few at a time: answers of hundreds
 * of regions that come all at once would hold up every call. One who is silent is not waited for
 * before the next ones are asked.
 */
import type { Clock } from '../../base/clock.ts';
import type { Pieces } from '../../base/pieces.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { type Asked, askVm, type Told, type VmToShow } from './status.ts';

export interface Asking {
  /** What each of them tells, in the order in which they were given. */
  readonly told: readonly Asked[];
  /** No more are asked. */
  stop(): void;
}

export function askAll(vms: readonly VmToShow[], clock: Clock, pieces: Pieces): Asking {
  const answers = vms.map((vm) => ({ vm, ...Promise.withResolvers<Told>() }));
  // Whoever waits for one hears of a fault, and nobody may wait yet.
  for (const { promise } of answers) promise.catch(() => undefined);
  const left = answers.values();
  let is_over = false;
  const askOn = async (): Promise<void> => {
    for (const { vm, resolve, reject } of left) {
      await pieces.gap();
      if (is_over) return;
      const asked = askVm(vm, clock);
      asked.then(resolve, reject);
      await answeredOrLate(asked, clock);
    }
  };
  for (let at_once = 0; at_once < AGENT_LIMITS.status_asks; at_once += 1) void askOn();
  return {
    told: answers.map(({ promise }) => promise),
    stop: () => {
      is_over = true;
    },
  };
}

/** Never rejects. */
async function answeredOrLate(asked: Asked, clock: Clock): Promise<void> {
  const late = Promise.withResolvers<void>();
  const callOff = clock.timer(AGENT_LIMITS.status_patience_ms, () => late.resolve());
  await Promise.race([asked.then(noMatter, noMatter), late.promise]);
  callOff();
}

const noMatter = (): void => undefined;
