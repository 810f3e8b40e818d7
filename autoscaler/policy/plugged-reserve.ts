/**
 * Fixed keep-alive with a plugged reserve: while a function has instances one region more than they
 * have stays plugged, so that the next start waits for its sandbox alone. It is what the HotMem
 * (Squeezy) paper calls harvesting, per VM. Where regions share a device there is none. Pure.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';

/** Regions; chosen: one hides the plug of whoever comes alone. */
const RESERVE = 1;

export const PLUGGED_RESERVE_POLICY: Policy = {
  ...DEFAULT_POLICY,
  name: 'plugged-reserve',
  scale: (view) => {
    const base = DEFAULT_POLICY.scale(view);
    const is_used = base.starts > 0 || view.vms.some(({ instances }) => instances.length > 0);
    return { ...base, plugged: is_used ? RESERVE : 0 };
  },
};
