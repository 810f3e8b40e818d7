/** Keys of the agent's configuration about memory that is ready before it is asked for. */
import type { Values } from '../values.ts';
import { SWITCH } from './kinds.ts';

export const READY_KEYS = [
  {
    name: 'prepare',
    kind: SWITCH,
    doc: 'guests clear and touch ahead what stands plugged (kernels of revision 10 and later)',
    default: 'true',
  },
  {
    name: 'clear_plugged',
    kind: SWITCH,
    doc: 'guests clear what was just plugged, though the driver says that it reads zero',
    default: 'false',
  },
  {
    name: 'populate_plugged',
    kind: SWITCH,
    doc: 'memory has its pages of the host at its plug, not as it is touched (where the VMM can)',
    default: 'false',
  },
];

/** As the agent takes them. */
export const readyKeysOf = (values: Pick<Values, 'flag'>) => ({
  clear_plugged: values.flag('clear-plugged'),
  populate_plugged: values.flag('populate-plugged'),
});
