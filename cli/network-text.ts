/** Where instances are reached, as `hotplane status` tells it. Pure. */
import type { FunctionStatus } from '../agent/model/messages.ts';
import { printable } from '../base/printable.ts';

/** `hotplane instances` tells of all. */
const SHOWN = 8;

/** Told of a function with a network, also where it has no instance now. */
export function networkText({
  function: { network },
  regions,
}: Pick<FunctionStatus, 'regions'> & {
  readonly function: Pick<FunctionStatus['function'], 'network'>;
}): string {
  if (!network) return '';
  const reached = regions.filter(({ address }) => address !== null);
  const shown = reached
    .slice(0, SHOWN)
    .map(({ instance_id, address }) => printable(`${instance_id} ${address}`, 256));
  const left = reached.length - shown.length;
  const each = left > 0 ? [...shown, `and ${left} more`] : shown;
  const told = each.length === 0 ? 'no instance' : each.join(', ');
  return `  network     ${printable(network.bridge, 64)}: ${told}\n`;
}
