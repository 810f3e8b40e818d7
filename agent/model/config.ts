/** What the core is told of its host and its bounds, once, when its state is made. Pure. */
import { LIMITS } from '../../base/limits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { BridgePool } from './network.ts';
import { DEFAULT_QUEUE, type QueueConfig } from './operation-queue.ts';
import type { NodeLimit } from './tiers.ts';

/** Bounds of the core's decisions; every one of them is of this host and can differ in a test. */
export interface CoreConfig {
  /** Function VMs on this host. */
  readonly vms_max: number;
  /** Invocations waiting for an instance of one function. */
  readonly queue_length_max: number;
  /** Longest wait of an invocation for an instance. */
  readonly queued_ms: number;
  /**
   * Longest wait of an invocation for memory that is being given back; 0: what finds none is
   * refused at once, and no idle instance gives way.
   */
  readonly memory_wait_ms: number;
  /** What an invocation may take whose caller does not say. */
  readonly invocation_ms: number;
  /** A VM whose guest does not answer for this long is ended. */
  readonly unresponsive_ms: number;
  /** Before that, after so long, it is quarantined: it takes no new work and is replaced. */
  readonly quarantine_ms: number;
  /** What runs in a VM that retires may go on for this long. */
  readonly retire_ms: number;
  /** Tries to stop one instance before its guest counts as broken, and the pause between them. */
  readonly stop_attempts: number;
  readonly stop_retry_ms: number;
  /** Tries to empty a region before it is left alone until reuse, Drain or Remove ... */
  readonly unplug_attempts: number;
  /** ... and the pause before the second; it doubles each time. */
  readonly unplug_retry_ms: number;
  /**
   * A region in use that did not get its size, or gave too little back, is left so for this long.
   */
  readonly resize_hold_ms: number;
  /** Until an instance that nobody waits for is started again after a failure. */
  readonly start_again_ms: number;
  /**
   * Pause before a function whose VMs are lost one after the other gets another: it doubles each
   * time, up to a bound, until a VM has served for `come_back_calm_ms`.
   */
  readonly come_back_ms: number;
  readonly come_back_ms_max: number;
  readonly come_back_calm_ms: number;
  /** Decisions of policies that one step records; more are counted only. */
  readonly decisions_max: number;
  /** What every VM costs the host besides its guest's memory: the VMM process. */
  readonly vmm_overhead_bytes: number;
  /**
   * What the host keeps of its memory for others: permits never leave it less, and memory goes back
   * to it where it has less; null: only the budget is looked at, not the host.
   */
  readonly host_keep_bytes: number | null;
  /** There must be enough of it for so long before a level of pressure is over. */
  readonly pressure_calm_ms: number;
  /** Of a function whose ready memory others needed, none is made ready for so long. */
  readonly pool_rest_ms: number;
  /** Guests that can clear and touch ahead what stands plugged for nobody. */
  readonly prepare: boolean;
  /** CPUs a VMM may run on; null: not known, nothing is refused for it. */
  readonly host_cpus: number | null;
  /** Of the budget, what is for regions that are bound to a node of the host; by node. */
  readonly node_limits: readonly NodeLimit[];
  /** How operations wait for their turn. */
  readonly queue: QueueConfig;
  /** Bridges of the operator that functions may be on. */
  readonly bridges: readonly BridgePool[];
}

/** The product's own bounds; see base/limits.ts. */
export const DEFAULT_CONFIG: CoreConfig = {
  vms_max: LIMITS.vms_per_host_usual,
  queue_length_max: AGENT_LIMITS.invocations_queued_per_function,
  queued_ms: AGENT_LIMITS.invocation_queued_ms,
  memory_wait_ms: AGENT_LIMITS.memory_wait_ms,
  invocation_ms: AGENT_LIMITS.invocation_ms,
  unresponsive_ms: AGENT_LIMITS.vm_unresponsive_ms,
  quarantine_ms: AGENT_LIMITS.vm_quarantine_ms,
  retire_ms: AGENT_LIMITS.vm_retire_ms,
  stop_attempts: AGENT_LIMITS.instance_stop_attempts,
  stop_retry_ms: LIMITS.instance_stop_retry_ms,
  unplug_attempts: AGENT_LIMITS.unplug_attempts,
  unplug_retry_ms: AGENT_LIMITS.unplug_retry_ms,
  resize_hold_ms: AGENT_LIMITS.unplug_retry_ms,
  start_again_ms: AGENT_LIMITS.start_again_ms,
  come_back_ms: AGENT_LIMITS.come_back_ms,
  come_back_ms_max: AGENT_LIMITS.come_back_ms_max,
  come_back_calm_ms: AGENT_LIMITS.come_back_calm_ms,
  decisions_max: 64,
  vmm_overhead_bytes: 0,
  host_keep_bytes: null,
  pressure_calm_ms: AGENT_LIMITS.pressure_calm_ms,
  pool_rest_ms: AGENT_LIMITS.pool_rest_ms,
  prepare: true,
  node_limits: [],
  host_cpus: null,
  queue: DEFAULT_QUEUE,
  bridges: [],
};

/** What a full disk of the ledger does: nothing more is granted, or it goes unrecorded. */
export const FULL_MODES = ['stop-grants', 'go-on'] as const;
export type FullMode = (typeof FULL_MODES)[number];
