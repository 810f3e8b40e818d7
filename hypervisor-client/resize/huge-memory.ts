/**
 * Memory that is to have huge pages for certain: what the host's pool must have before any of it is
 * plugged, from boot on and later.
 */
import { type HugePageReader, requireHugePages } from '../host/huge-pages.ts';
import { deviceInitialBytes } from '../spec.ts';
import type { VmSpec } from '../vm.ts';
import type { ResizePort } from './runner.ts';

/**
 * Throws HP_VMM_NO_HUGE_PAGES when a VM is to have memory in huge pages and the host has no pool,
 * or too little for what is plugged from boot on and for `boot_bytes` of ordinary memory beside it.
 */
export function checkBacking(spec: VmSpec, read: HugePageReader, boot_bytes = 0): void {
  if (spec.backing !== 'huge') return;
  const initial_bytes = spec.devices.reduce(
    (sum, one) => sum + deviceInitialBytes(one),
    boot_bytes,
  );
  requireHugePages(`VM ${spec.id}`, initial_bytes, read());
}

/** A port that asks for no more memory than the pool has: without a page a VMM would be killed. */
export function inHugePages(port: ResizePort, region_id: string, read: HugePageReader): ResizePort {
  let plugged_bytes: number | null = null;
  return {
    ...port,
    plugs_unseen: false,
    setTarget: async (bytes, limit) => {
      const more_bytes = bytes - (plugged_bytes ?? 0);
      if (more_bytes > 0) requireHugePages(`A plug of ${region_id}`, more_bytes, read());
      await port.setTarget(bytes, limit);
    },
    look: async (resident, limit) => {
      const seen = await port.look(resident, limit);
      ({ plugged_bytes } = seen);
      return seen;
    },
  };
}
