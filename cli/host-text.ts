/** What commands say of a host as a whole. Pure. */
import type { Host } from '../agent/api/client.ts';
import { printable } from '../base/printable.ts';
import { counted, formatBytes } from '../base/units.ts';

type Cordon = NonNullable<Host['cordon']>;

/** By whom, since when and why it takes no new work. */
export function cordonText({ availability, author, reason, since }: Cordon): string {
  const why = reason === '' ? '' : `: ${printable(reason, 256)}`;
  const by = author === '' ? '' : ` by ${printable(author, 256)}`;
  return `the host is ${availability}${by} since ${printable(since, 64)}${why}`;
}

/** Lines for a terminal. */
export function hostText(host: Host): string {
  const { cordon, functions, vms, granted_bytes, limit_bytes } = host;
  const first = cordon ? cordonText(cordon) : 'the host is open: it takes new work';
  const there =
    `${counted(functions, 'function')}, ${counted(vms, 'VM')}, ` +
    `${counted(host.instances_busy, 'instance')} busy, ` +
    `${host.instances_idle} idle, ${counted(host.invocations_queued, 'invocation')} waiting`;
  const memory = `${formatBytes(granted_bytes)} of ${formatBytes(limit_bytes)} granted`;
  return `${first}\n${there}; ${memory}\n`;
}
