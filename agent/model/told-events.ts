/**
 * What the core was told, as text: where it began and every event after that. Played again through
 * the core, they lead to the same decisions. Pure.
 */
import type { CoreConfig } from './config.ts';
import type { HostEvent } from './events.ts';
import { NO_PRESSURE } from './pressure.ts';
import { type EarlierVm, emptyHost, type HostState } from './state.ts';
import { totalBytes } from './tiers.ts';

/** A host without functions; one that has some cannot be begun from this. */
export interface HostBegin {
  readonly policy: string;
  readonly host_limit_bytes: number;
  readonly next_id: number;
  readonly config: CoreConfig;
  readonly earlier_vms: readonly EarlierVm[];
  readonly policy_state: HostState['policy_state'];
  /** What the host said of its memory last, and what came of it. */
  readonly told?: HostState['told'];
  readonly pressure?: HostState['pressure'];
  readonly cordon?: HostState['cordon'];
  /** What was there already and is not told; 0: everything is. */
  readonly functions: number;
}

export type ToldLine =
  | { readonly begin: HostBegin; readonly event?: undefined }
  | { readonly begin?: undefined; readonly event: HostEvent };

export function beginOf(state: HostState, policy: string): HostBegin {
  const { capacity, next_id, config, earlier_vms, policy_state, functions } = state;
  const { told, pressure, cordon } = state;
  const host_limit_bytes = totalBytes(capacity);
  const there = { next_id, config, earlier_vms, policy_state, functions: functions.size };
  const memory = { told, pressure, cordon };
  return { policy, host_limit_bytes, ...there, ...memory };
}

/** The state that it tells. */
export function stateOf(begin: HostBegin): HostState {
  const { host_limit_bytes, next_id, config, earlier_vms, policy_state } = begin;
  const { told = null, pressure = NO_PRESSURE, cordon = null } = begin;
  const facts = { ...config, earlier_vms, told, pressure };
  return { ...emptyHost(host_limit_bytes, next_id, facts), policy_state, cordon };
}
