/** What Cloud Hypervisor, and the kernel for it, may take on top of its guest's memory. Pure. */
import { mapBytes } from '../lifecycle/map-bytes.ts';
import type { VmSpec } from '../vm.ts';
import { CH_LIMITS } from './limits.ts';

export const chSlackBytes = (spec: VmSpec): number => CH_LIMITS.cgroup_slack_bytes + mapBytes(spec);
