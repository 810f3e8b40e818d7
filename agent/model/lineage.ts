/** Who had a region of late, as the agent's ledger tells it to the page. Plain data. */

/** One invocation that ran in the memory of a holder. Times are milliseconds since 1970. */
export interface LineageRun {
  readonly seq: number;
  readonly invocation_id: string | null;
  /** Who asked; null: not known. */
  readonly peer: string | null;
  /** The invocation that left its memory to this one; null: none did. */
  readonly reuse_seq: number | null;
  readonly began_ms: number;
  /** Null: it runs on, or its end was not recorded. */
  readonly ended_ms: number | null;
  readonly outcome: string | null;
}

/** The time for which one instance had the region. */
export interface LineageTenure {
  readonly seq: number;
  readonly function: string;
  readonly instance_id: string | null;
  readonly from_ms: number;
  /** Its processes were gone, in the guest's words; null: they are not. */
  readonly gone_ms: number | null;
  /** The VMM had unplugged it; null: it has not. */
  readonly emptied_ms: number | null;
  readonly plugged_bytes: number;
  /** What each observer saw left at the end; null: not told. */
  readonly left_vmm_bytes: number | null;
  readonly left_guest_bytes: number | null;
  readonly left_host_bytes: number | null;
  /** What an observer said against it. */
  readonly disagreement: string | null;
  /** What the next holder found. */
  readonly handover: 'clean' | 'left' | 'unknown' | 'vm-gone' | 'held';
  readonly runs_count: number;
  /** The newest of them. */
  readonly runs: readonly LineageRun[];
}

export interface Lineage {
  /** `vm1/r0`. */
  readonly region_id: string;
  /** False: the agent keeps no ledger. */
  readonly is_kept: boolean;
  readonly now_ms: number;
  /** Of the oldest record that was looked at; null: there is none. */
  readonly since_ms: number | null;
  /** How many there are in that time. */
  readonly tenures_count: number;
  /** The newest of them, the oldest first. */
  readonly tenures: readonly LineageTenure[];
}
