/**
 * The ledger of an agent at work: records are made of every decided step, and whatever moves memory
 * is written before it is done.
 */
import type { Clock } from '../../base/clock.ts';
import type { Head } from '../../ledger/chain.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { LedgerGraph } from '../../ledger/graph.ts';
import { LEDGER_LIMITS } from '../../ledger/limits.ts';
import { newestRecords } from '../../ledger/reader.ts';
import type { RecordDraft, Kind, RecordFields } from '../../ledger/record.ts';
import { LedgerWriter } from '../../ledger/writer.ts';
import { ledgerError } from '../../ledger/errors.ts';
import type { FullMode } from '../model/config.ts';
import type { Operation } from '../model/records.ts';
import { Anchors } from './anchors.ts';
import { deriveRecords } from './derive.ts';
import { HeadsFile } from './heads-file.ts';
import { LookBudget } from './look-budget.ts';
import { type Decided, regionOfVm } from './step.ts';

export interface AgentLedgerOptions {
  readonly folder: string;
  readonly host: string;
  readonly clock: Clock;
  readonly wallMs: () => number;
  readonly when_full: FullMode;
  readonly segment_bytes?: number;
  readonly kept_bytes?: number;
  /** Where heads are written for others to keep; absent: nowhere. */
  readonly heads_path?: string;
  /** Told once each time the disk becomes full, and when it has room again. */
  readonly onFull: (is_full: boolean) => void;
}

/**
 * Calls in memory that was there already grant nothing, nor does what a guest told of a holder that
 * is recorded: it may wait a little, and is written before whatever is granted next.
 */
const MAY_WAIT: ReadonlySet<Kind> = new Set([
  ...(['run', 'done', 'request', 'policy', 'resident', 'observed'] as const),
  ...(['vm-ready', 'attached', 'want', 'stop'] as const),
]);

export interface LedgerHead extends Head {
  readonly ledger: string;
  readonly is_full: boolean;
}

export class AgentLedger {
  readonly #options: AgentLedgerOptions;
  readonly #writer: LedgerWriter;
  readonly #heads: HeadsFile | null;
  readonly #anchors = new Anchors();
  #is_urgent = false;
  #was_full = false;
  #timer: (() => void) | null = null;
  #closed = false;
  /** What could not be written ends the agent. */
  onFault: (error: unknown) => void = () => undefined;
  /** Now and then, for what every VM holds of the host. */
  onRound: () => void = () => undefined;
  /** The host's word of what a VM holds; null: it is not there. */
  residentOf: (vm_id: string) => number | null = () => null;
  readonly #looks = new LookBudget();
  #end_rounds: () => void = () => undefined;
  readonly #sink = {
    add: (draft: RecordDraft, joins: boolean): number => {
      if (!MAY_WAIT.has(draft.kind)) this.#is_urgent = true;
      return this.#writer.add(draft, joins);
    },
    amend: (seq: number, more: Partial<RecordFields>): boolean => this.#writer.amend(seq, more),
    look: (vm_id: string, name: string, at_ms: number, joins: boolean): boolean =>
      this.#look(vm_id, name, at_ms, joins),
  };

  /** Throws HP_LEDGER_BROKEN, HP_LEDGER_LOST. */
  constructor(options: AgentLedgerOptions) {
    this.#options = options;
    const { clock, heads_path, ...parts } = options;
    this.#writer = new LedgerWriter({ ...parts, nowMs: () => clock.nowMs() });
    for (const record of newestRecords(options.folder, AGENT_LIMITS.ledger_anchors_bytes)) {
      this.#anchors.note(record.seq, record);
    }
    this.#heads = heads_path === undefined ? null : new HeadsFile(heads_path, options.wallMs);
  }

  /** An agent begins, with the VMs of an earlier one or with none. */
  begin(about: { version: string; is_fresh: boolean; host_limit_bytes: number }): void {
    const { version, is_fresh, host_limit_bytes: bytes } = about;
    const wall_ms = this.#options.wallMs();
    const who = { trust: 'agent', version, pid: process.pid, is_fresh, bytes, wall_ms } as const;
    this.#say({ kind: 'begin', at_ms: this.#options.clock.nowMs(), ...who, cause_seq: [] });
    this.write();
    this.#nextRound();
  }

  /** Whether nothing may be granted now, because it could not be recorded. */
  get grantsClosed(): boolean {
    return this.#writer.isFull && this.#options.when_full === 'stop-grants';
  }

  /** What was written last, for others to keep. */
  get head(): LedgerHead {
    const { head, ledger, isFull: is_full } = this.#writer;
    return { ...head, ledger, is_full };
  }

  /** The newest part of it, of what is written; a moment's work. Throws HP_LEDGER_UNREADABLE. */
  newest(): LedgerGraph {
    const { folder, host, clock, wallMs } = this.#options;
    const offset_ms = wallMs() - clock.nowMs();
    const source = { folder, host, ledger: this.#writer.ledger };
    return LedgerGraph.newest(source, AGENT_LIMITS.lineage_bytes, offset_ms);
  }

  note(decided: Decided): void {
    deriveRecords(decided, this.#anchors, this.#sink);
  }

  /** What the three observers saw at the end of an operation, and what its VM holds now. */
  observed(operation: Operation): void {
    if (this.#closed) return;
    const at_ms = this.#options.clock.nowMs();
    const { id: operation_id, function: name, vm_id, instance_id, error_code } = operation;
    const of_end = this.#anchors.ended.get(operation_id);
    if (of_end !== undefined) {
      this.#anchors.ended.delete(operation_id);
      const { plugged_bytes: vmm_bytes, guest_plugged_bytes, resident_bytes } = operation;
      this.#say({
        kind: 'observed',
        at_ms,
        trust: 'agent',
        function: name,
        vm_id,
        region_id: regionOfVm(vm_id, operation.region_id),
        instance_id,
        operation_id,
        vmm_bytes,
        guest_bytes: guest_plugged_bytes,
        host_bytes: resident_bytes,
        code: error_code,
        cause_seq: [of_end],
      });
    }
    this.#look(vm_id, name, at_ms, of_end !== undefined);
    this.#later();
  }

  #nextRound(): void {
    this.#end_rounds = this.#options.clock.timer(AGENT_LIMITS.ledger_resident_ms, () => {
      this.#looks.clear();
      this.onRound();
      if (!this.#closed) this.#nextRound();
    });
  }

  /** Asks the host what a VM holds, unless it was asked very often just now. */
  look(vm_id: string, name: string): void {
    if (this.#closed) return;
    this.#look(vm_id, name, this.#options.clock.nowMs(), false);
    this.#later();
  }

  #look(vm_id: string, name: string, at_ms: number, joins: boolean): boolean {
    if (!this.#looks.take(vm_id, at_ms)) return false;
    const host_bytes = this.residentOf(vm_id);
    if (host_bytes === null) return false;
    const about = { trust: 'host', function: name, vm_id, host_bytes } as const;
    this.#say({ kind: 'resident', at_ms, ...about, cause_seq: [] }, joins);
    return true;
  }

  /**
   * Before what was decided is done: writes whatever moves memory; the rest soon. Throws
   * HP_LEDGER_LOST, also where the disk is full and a grant would go unrecorded.
   */
  write(): void {
    if (this.#closed) return;
    const { pending } = this.#writer;
    if (!this.#is_urgent && pending < AGENT_LIMITS.ledger_pending_records) return this.#later();
    this.#flush(this.#is_urgent);
  }

  /**
   * The agent ends; what waits is written. How many records are lost, for the disk is full. Throws
   * HP_LEDGER_LOST.
   */
  close(reason: string): number {
    if (this.#closed) return 0;
    this.#say({
      kind: 'end',
      at_ms: this.#options.clock.nowMs(),
      trust: 'agent',
      reason,
      cause_seq: [],
    });
    this.#closed = true;
    this.#end_rounds();
    this.#timer?.();
    this.#timer = null;
    const lost_records = this.#writer.close();
    this.#heads?.note(this.#writer.ledger, this.#writer.head, true);
    return lost_records;
  }

  #say(draft: RecordDraft, joins = false): void {
    const seq = this.#sink.add(draft, joins);
    if (seq > 0) this.#anchors.note(seq, draft);
  }

  #later(): void {
    if (this.#timer || this.#closed || this.#writer.pending === 0) return;
    const { clock } = this.#options;
    const pause_ms = this.#writer.isFull
      ? LEDGER_LIMITS.room_again_ms
      : AGENT_LIMITS.ledger_written_after_ms;
    this.#timer = clock.timer(pause_ms, () => {
      this.#timer = null;
      try {
        this.#flush(false);
      } catch (error) {
        this.onFault(error);
      }
    });
  }

  #flush(has_grants: boolean): void {
    const was_closed = this.grantsClosed;
    this.#timer?.();
    this.#timer = null;
    this.#is_urgent = false;
    const written = this.#writer.flush();
    const { isFull } = this.#writer;
    if (isFull !== this.#was_full) this.#options.onFull(isFull);
    this.#was_full = isFull;
    if (written) this.#heads?.note(this.#writer.ledger, this.#writer.head, false);
    else this.#later();
    if (written || !has_grants || was_closed || !this.grantsClosed) return;
    throw ledgerError(
      'HP_LEDGER_LOST',
      `the disk of ${this.#options.folder} is full, and not even what was kept free is there.`,
      { details: { folder: this.#options.folder } },
    );
  }
}
