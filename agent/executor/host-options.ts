/** What an agent of one host is made with. */
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import type { Hypervisor } from '../../hypervisor-client/vm.ts';
import type { CoreConfig } from '../model/config.ts';
import type { Policy } from '../core/policy.ts';
import type { EarlierVm, HostState } from '../model/state.ts';
import type { StateStore } from '../store/state-file.ts';
import type { AgentLedger } from '../ledger/agent-ledger.ts';
import type { GuestImages } from './images.ts';
import type { ReadAvailable } from './host-truth.ts';
import type { LeftVms } from './runners.ts';
import type { RunnerDeps } from './vm-runner.ts';

export interface HostAgentOptions {
  readonly clock: Clock;
  readonly hypervisor: Hypervisor;
  readonly images: GuestImages;
  readonly log: Logger;
  readonly host_limit_bytes: number;
  /** Below it one folder for each VM. */
  readonly vms_dir: string;
  readonly version: string;
  /** First number for ids; see emptyHost. */
  readonly first_id?: number;
  /** VMs that an earlier agent left and nobody could end: booked for this agent's life. */
  readonly earlier_vms?: readonly EarlierVm[];
  /** Removes old folders of VMs; those of `present` ones stay. */
  readonly trimFolders?: (present: ReadonlySet<string>) => Promise<void>;
  /** See HostState; default: nothing, not known, and the product's own bounds. */
  readonly vmm_overhead_bytes?: number;
  readonly host_cpus?: number | null;
  readonly bounds?: Partial<CoreConfig>;
  /** Who answers the core's questions, else the default; others that targets may name, by name. */
  readonly policy?: Policy;
  readonly policies?: ReadonlyMap<string, Policy>;
  /** Where the state is kept for the agent after this one; absent: it ends with this one. */
  readonly store?: StateStore;
  /** Asks the host what it has of memory; absent: only the budget is looked at. */
  readonly readAvailable?: ReadAvailable;
  /** Where everything that moves memory is recorded; absent: nowhere. */
  readonly ledger?: AgentLedger;
  /** Who makes network devices of VMs; absent: no function can have one. */
  readonly network?: RunnerDeps['network'];
  /** Guests clear what was just plugged, whatever the driver says of it; absent: as it says. */
  readonly clear_plugged?: boolean;
  /** What is plugged has its pages of the host at once, where the driver can; absent: not. */
  readonly populate_plugged?: boolean;
  /** What an earlier agent left: its state, and those of its VMs that live. */
  readonly earlier?: { readonly state: HostState; readonly vms: LeftVms };
}
