/**
 * What a ledger is made of: every kind of record, with its fields in the order in which they are
 * written. A field that is null is not known; one a record says nothing of is not there. Pure.
 */

/** Whose word a record is. A guest's is kept as such and held against others, never believed. */
export type Trust = 'agent' | 'vmm' | 'guest' | 'host' | 'peer';

/** What a policy was asked, what it looked at, and what it said. */
export interface PolicyAnswer {
  readonly question: string;
  readonly answer: string;
  /** Absent or null: it gave none. */
  readonly reason?: string | null;
  /** Absent: it was about none. */
  readonly vm_id?: string;
  readonly region_id?: string;
  readonly invocation_id?: string;
  readonly inputs: Readonly<Record<string, number>>;
}

/** What records say. Times are CLOCK_MONOTONIC of the host (ms), sizes bytes. */
export interface RecordFields {
  readonly trust: Trust;
  readonly function: string;
  readonly vm_id: string;
  /** Named with its VM: `vm3/r0`. */
  readonly region_id: string;
  readonly instance_id: string | null;
  readonly operation_id: string;
  /** The agent's own name of a request; the caller's is `invocation_id`. */
  readonly request_id: string;
  readonly invocation_id: string;
  /**
   * Who asked: the common name of a certificate, `uid:1000` for the user who connected to the
   * socket (`of the socket` where the kernel did not tell), and of HTTP where it came from; null:
   * not known.
   */
  readonly peer: string | null;
  /** Who a function is for, as its spec says; absent or null: nobody said. */
  readonly tenant: string | null;
  readonly mechanism: string;
  /** Why a region's size changes: the cause of its operation. */
  readonly cause: string;
  readonly from_bytes: number;
  readonly to_bytes: number;
  readonly bytes: number;
  /** What each observer saw; null: it did not tell. */
  readonly vmm_bytes: number | null;
  readonly guest_bytes: number | null;
  readonly host_bytes: number | null;
  readonly permit_bytes: number;
  /** What a holder began with, and what its function has for certain. */
  readonly baseline_bytes: number;
  readonly is_idle: boolean;
  /** Of the whole host, after this change. */
  readonly granted_bytes: number;
  readonly outcome: string;
  /** What broke, in a word. */
  readonly what: string;
  readonly code: string | null;
  readonly reason: string | null;
  readonly policy: string;
  /** All that a policy answered in one step, in the order in which it was asked. */
  readonly answers: readonly PolicyAnswer[];
  /** Of records of one answer each, as ledgers had them before; see `answersOf`. */
  readonly question: string;
  readonly answer: string;
  readonly inputs: Readonly<Record<string, number>>;
  /** How many invocations the instance has had with this one. */
  readonly nth: number;
  /** The edge of warm reuse: the earlier invocation of the same instance, in the same memory. */
  readonly reuse_seq: number;
  /** When that which the record is of began and ended, where that is not `at_ms`. */
  readonly began_at_ms: number | null;
  readonly ended_at_ms: number | null;
  /* of the ledger itself */
  readonly ledger: string;
  readonly host: string;
  readonly format: number;
  readonly segment: number;
  /** The head of the segment before; all zeros: there was none. */
  readonly prev_hash: string;
  /** Milliseconds since 1970 at `at_ms`: a monotonic clock means nothing on another host. */
  readonly wall_ms: number;
  readonly version: string;
  readonly pid: number;
  /** False: it goes on with the VMs of an earlier agent. */
  readonly is_fresh: boolean;
  readonly cut_bytes: number;
  /** Null: nobody knows how many. */
  readonly lost_records: number | null;
}
type Field = keyof RecordFields;

const OF_REGION = ['trust', 'function', 'vm_id', 'region_id', 'instance_id'] as const;
const OF_OPERATION = [...OF_REGION, 'operation_id', 'cause', 'from_bytes', 'to_bytes'] as const;
const OF_END = [
  ...OF_OPERATION,
  ...(['outcome', 'vmm_bytes', 'began_at_ms', 'ended_at_ms', 'code', 'reason'] as const),
] as const;
const OF_CALL = ['request_id', 'invocation_id', 'peer'] as const;

/** The fields of each kind, after `seq`, `at_ms` and `kind` and before `cause_seq` and `hash`. */
export const KINDS = {
  /* the ledger itself */
  segment: ['format', 'ledger', 'host', 'segment', 'prev_hash', 'wall_ms'],
  begin: ['trust', 'version', 'pid', 'is_fresh', 'bytes', 'wall_ms'],
  end: ['trust', 'reason'],
  torn: ['trust', 'cut_bytes'],
  gap: ['trust', 'lost_records', 'reason'],
  pruned: ['trust', 'segment', 'prev_hash'],
  /* what was asked for */
  deploy: ['trust', 'function', 'request_id', 'peer', 'tenant', 'mechanism', 'bytes'],
  request: ['trust', 'function', ...OF_CALL],
  asked: ['trust', 'function', 'request_id', 'peer', 'what', 'reason'],
  want: [...OF_REGION, 'bytes'],
  /* what was decided */
  policy: [
    ...(['trust', 'function', 'vm_id', 'region_id', 'invocation_id', 'policy'] as const),
    ...(['answers', 'question', 'answer', 'reason', 'inputs'] as const),
  ],
  permit: ['trust', 'function', 'vm_id', 'region_id', 'from_bytes', 'to_bytes', 'granted_bytes'],
  denied: [
    ...(['trust', 'function', 'vm_id', 'region_id', 'instance_id', 'operation_id'] as const),
    ...OF_CALL,
    ...(['cause', 'outcome', 'bytes', 'code', 'reason'] as const),
  ],
  /* a VM */
  launch: ['trust', 'function', 'vm_id', 'tenant', 'bytes'],
  'vm-ready': ['trust', 'function', 'vm_id', 'pid'],
  shutdown: ['trust', 'function', 'vm_id', 'code', 'reason'],
  'vm-gone': ['trust', 'function', 'vm_id'],
  fault: [...OF_REGION, 'operation_id', 'request_id', 'what', 'code', 'reason'],
  recovered: ['trust', 'function', 'vm_id', 'what'],
  resumed: [
    ...OF_REGION,
    'tenant',
    ...(['operation_id', ...OF_CALL, 'nth', 'vmm_bytes', 'permit_bytes'] as const),
    ...(['baseline_bytes', 'is_idle', 'lost_records'] as const),
  ],
  /* the size of a region: asked for, and what came of it */
  plug: OF_OPERATION,
  unplug: OF_OPERATION,
  populated: OF_END,
  grown: OF_END,
  shrunk: OF_END,
  emptied: OF_END,
  discarded: [...OF_REGION, 'operation_id', 'host_bytes', 'ended_at_ms'],
  observed: [...OF_REGION, 'operation_id', 'vmm_bytes', 'guest_bytes', 'host_bytes', 'code'],
  resident: ['trust', 'function', 'vm_id', 'host_bytes'],
  /* who has it */
  holder: [...OF_REGION, 'operation_id', 'request_id', 'baseline_bytes'],
  attached: [...OF_REGION, 'ended_at_ms'],
  run: [
    ...OF_REGION,
    ...OF_CALL,
    ...(['nth', 'reuse_seq', 'outcome', 'code', 'guest_bytes', 'ended_at_ms'] as const),
  ],
  done: [...OF_REGION, 'request_id', 'outcome', 'code', 'guest_bytes'],
  stop: OF_REGION,
  exit: [...OF_REGION, 'ended_at_ms'],
} as const satisfies Record<string, readonly Field[]>;

export type Kind = keyof typeof KINDS;

interface RecordDraftBase<K extends Kind> {
  readonly kind: K;
  readonly at_ms: number;
  /** Records of the same ledger without which this one would not be. */
  readonly cause_seq: readonly number[];
}

/** A record that is not in a ledger yet. */
export type RecordDraft = {
  [K in Kind]: RecordDraftBase<K> & Partial<Pick<RecordFields, (typeof KINDS)[K][number]>>;
}[Kind];

/** A record of a ledger, as it is read. */
export interface LedgerRecord extends Partial<RecordFields> {
  /** From 1, without gaps, over all segments; of more facts in one record 30, 30.1, 30.2. */
  readonly seq: number;
  readonly at_ms: number;
  readonly kind: Kind;
  readonly cause_seq: readonly number[];
  /** Of the record and its predecessor. */
  readonly hash: string;
}

/** What a policy answered, by a record of it; of others nothing. */
export function answersOf(record: LedgerRecord): readonly PolicyAnswer[] {
  const { answers, question, answer = '', reason, inputs = {} } = record;
  if (answers) return answers;
  if (question === undefined) return [];
  const { vm_id, region_id, invocation_id } = record;
  const where = {
    ...(vm_id === undefined ? {} : { vm_id }),
    ...(region_id === undefined ? {} : { region_id }),
    ...(invocation_id === undefined ? {} : { invocation_id }),
  };
  return [{ question, answer, reason: reason ?? null, ...where, inputs }];
}

/** Of the records that are written, from the first of a segment on. */
export const LEDGER_FORMAT = 2;

/** Those that are read, others are refused. In the first, each record is of one fact. */
export const READ_FORMATS: ReadonlySet<unknown> = new Set([1, LEDGER_FORMAT]);

/** What the first record of a ledger has before it. */
export const NO_HASH = '0'.repeat(64);

export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text);
}
