/**
 * The live stream of the agent's state: what changed within a moment is one numbered message, made
 * and encoded once for all who read. While nobody reads, nothing is made and nothing is kept.
 */
import { Broadcast, type EventQueue } from '../../../base/broadcast.ts';
import type { Clock } from '../../../base/clock.ts';
import { AGENT_LIMITS } from '../../limits.ts';
import { agentError } from '../../model/errors.ts';
import {
  LIVE_PROTOCOL,
  type LiveChange,
  type LiveFunction,
  type LiveMessage,
  type LivePart,
  type LiveRows,
} from '../../model/live.ts';
import type { FunctionState, HostState } from '../../model/state.ts';
import type { Table } from '../../model/table.ts';
import type { ChangeFeed } from '../change-feed.ts';
import { slowReader } from '../reader-errors.ts';
import type { RecordHub } from '../record-hub.ts';
import { dueInMs, type LiveTold } from './pace.ts';
import { PendingNews } from './pending.ts';
import { functionRow, tellsOfVms, hostRow, operationRow, vmRow } from './rows.ts';

/** The agent as the stream needs it. */
export interface LiveSource {
  readonly state: HostState;
  readonly version: string;
  readonly hub: RecordHub;
  readonly changes: ChangeFeed;
}

/** One who reads: first the parts of the snapshot, then the changes. */
export interface LiveReader {
  readonly snapshot: Iterable<string>;
  /** Text, encoded. */
  readonly changes: EventQueue<Buffer>;
}

export class LiveFeed {
  readonly #source: LiveSource;
  readonly #clock: Clock;
  readonly #pending = new PendingNews();
  readonly #readers = new Broadcast<Buffer>({
    limit: AGENT_LIMITS.live_messages_behind,
    overflow: { endWith: () => slowReader(AGENT_LIMITS.live_messages_behind, 'messages') },
  });
  /** The state that readers have been told; null: nobody reads. */
  #told: HostState | null = null;
  #sequence = 0;
  /** The message before. */
  #last: LiveTold | null = null;
  /** Calls the next message off; null: none is due. */
  #due: (() => void) | null = null;
  /** Ends the looks at the memory of VMs; null: nobody reads. */
  #endLooks: (() => void) | null = null;

  constructor(source: LiveSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    source.changes.listen((change) => {
      if (!this.#isRead()) return;
      this.#pending.addChange(change);
      this.#wake();
    });
    source.hub.listen((kind, record) => {
      if (this.#isRead() && this.#pending.addRecord(kind, record)) this.#wake();
    });
  }

  /** Who reads now. */
  get readers(): number {
    return this.#readers.readers;
  }

  /** From the state of now on. Throws HP_AGENT_TOO_MANY_WATCHERS. */
  join(signal: AbortSignal): LiveReader {
    if (this.#readers.readers >= AGENT_LIMITS.live_readers) {
      const message = `${AGENT_LIMITS.live_readers} read the live state already.`;
      throw agentError('HP_AGENT_TOO_MANY_WATCHERS', message);
    }
    this.#flush();
    if (!this.#isRead()) this.#begin();
    const state = this.#told ?? this.#source.state;
    const snapshot = this.#snapshot(state, this.#sequence);
    return { snapshot, changes: this.#readers.read(signal) };
  }

  /** Readers get what is queued, and nothing after it. */
  close(): void {
    this.#flush();
    this.#readers.end();
    this.#rest();
  }

  #begin(): void {
    this.#pending.clear();
    this.#told = this.#source.state;
    this.#endLooks = this.#source.hub.wantMemory(AGENT_LIMITS.live_memory_ms);
  }

  #rest(): void {
    this.#told = null;
    this.#due?.();
    this.#due = null;
    this.#endLooks?.();
    this.#endLooks = null;
    this.#pending.clear();
  }

  /** Whether anybody does; where the last one went, what was made for readers ends here. */
  #isRead(): boolean {
    if (this.#readers.readers > 0) return true;
    if (this.#told) this.#rest();
    return false;
  }

  #wake(): void {
    if (this.#due) return;
    const now_ms = this.#clock.nowMs();
    const in_ms = dueInMs(this.#last, now_ms);
    this.#due = this.#clock.timer(in_ms, () => {
      this.#due = null;
      this.#flush(Math.max(0, this.#clock.nowMs() - now_ms - in_ms));
    });
  }

  /** `late_ms`: after it was due. */
  #flush(late_ms = 0): void {
    this.#due?.();
    this.#due = null;
    const before = this.#told;
    if (!this.#isRead() || !before) return;
    const { state } = this.#source;
    this.#told = state;
    this.#sequence += 1;
    const begin_ms = this.#clock.nowMs();
    const { behind } = this.#readers;
    this.#readers.emit(Buffer.from(JSON.stringify(this.#change(before, state))));
    const at_ms = this.#clock.nowMs();
    this.#last = { at_ms, late_ms, made_ms: at_ms - begin_ms, behind };
  }

  #change(before: HostState, state: HostState): LiveChange {
    const { functions, vms, operations } = this.#pending;
    for (const vm of present(vms, state.vms)) {
      const fn = state.functions.get(vm.function);
      if (fn && tellsOfVms(fn)) functions.add(vm.function);
    }
    const rows: LiveRows = {
      functions: present(functions, state.functions).map((fn) => this.#functionRow(fn, state)),
      vms: present(vms, state.vms).map((vm) => vmRow(vm, before.vms.get(vm.id))),
      operations: present(operations, state.operations).map(operationRow),
    };
    const gone = {
      functions: absent(functions, state.functions),
      vms: absent(vms, state.vms),
      operations: absent(operations, state.operations),
    };
    const news = this.#pending.takeNews();
    this.#pending.clear();
    const at_ms = this.#clock.nowMs();
    const host = hostRow(state);
    return { type: 'change', sequence: this.#sequence, at_ms, host, ...rows, gone, news };
  }

  #functionRow(fn: FunctionState, { vms }: HostState): LiveFunction {
    return functionRow(fn, present(fn.vm_ids, vms), this.#clock.nowMs());
  }

  /** In parts, so that no reader who comes holds up a call; the state they are of never changes. */
  *#snapshot(state: HostState, sequence: number): Generator<string> {
    const { version } = this.#source;
    const at_ms = this.#clock.nowMs();
    const head = { type: 'snapshot', protocol: LIVE_PROTOCOL, sequence, at_ms, version } as const;
    yield toText({ ...head, pid: process.pid, host: hostRow(state) });
    for (const rows of inParts(state.functions)) {
      yield part({ functions: rows.map((fn) => this.#functionRow(fn, state)) });
    }
    for (const rows of inParts(state.vms)) yield part({ vms: rows.map((vm) => vmRow(vm)) });
    for (const rows of inParts(state.operations)) {
      yield part({ operations: rows.map(operationRow) });
    }
    yield toText({ type: 'ready' });
  }
}

const toText = (message: LiveMessage): string => JSON.stringify(message);

function part(rows: Partial<LiveRows>): string {
  const whole: LivePart = { type: 'part', functions: [], vms: [], operations: [], ...rows };
  return toText(whole);
}

function* inParts<Row>(table: Table<Row>): Generator<Row[]> {
  let rows: Row[] = [];
  for (const row of table.values()) {
    rows.push(row);
    if (rows.length < AGENT_LIMITS.live_part_rows) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

function present<Row>(keys: Iterable<string>, table: Table<Row>): Row[] {
  return [...keys].flatMap((key) => {
    const row = table.get(key);
    return row === undefined ? [] : [row];
  });
}

function absent<Row>(keys: Iterable<string>, table: Table<Row>): string[] {
  return [...keys].filter((key) => table.get(key) === undefined);
}
