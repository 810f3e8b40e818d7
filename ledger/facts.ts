/**
 * Several facts of one step in one record, hashed and written once: the first is the record itself,
 * the others stand in its `and`, without what those before them say already. To whoever reads them
 * each is a record, numbered behind the first: 30, 30.1, 30.2. Pure.
 */
import { isObject } from '../base/json.ts';
import { isKind, type Kind, KINDS, type LedgerRecord, type RecordDraft } from './record.ts';
import type { RecordFields } from './record.ts';

/** One digit behind the point tells them apart. */
export const FACTS_MOST = 10;

/** Said once in a record, and again only where it changes. */
export const SAID_ONCE = [
  ...(['trust', 'function', 'vm_id', 'region_id', 'instance_id', 'operation_id'] as const),
  ...(['cause', 'from_bytes', 'to_bytes', 'request_id'] as const),
] as const satisfies (keyof RecordFields)[];

interface CanSay {
  /** Of those fields that the kind has, a bit each. */
  readonly bits: number;
  readonly fields: readonly { readonly name: (typeof SAID_ONCE)[number]; readonly bit: number }[];
}

const CAN_SAY: ReadonlyMap<Kind, CanSay> = new Map(
  Object.entries(KINDS).flatMap(([kind, names]) => {
    const own = new Set<string>(names);
    const fields = SAID_ONCE.flatMap((name, index) =>
      own.has(name) ? [{ name, bit: 1 << index }] : [],
    );
    const bits = fields.reduce((all, { bit }) => all | bit, 0);
    return isKind(kind) ? [[kind, { bits, fields }] as const] : [];
  }),
);

/** The number of a fact of a record; the first is the record itself. */
export const factSeq = (seq: number, nth: number): number =>
  nth === 0 ? seq : (seq * FACTS_MOST + nth) / FACTS_MOST;

/** Which of those fields a record says, a bit each. */
export function saidBy(draft: RecordDraft): number {
  const own: Partial<RecordFields> = draft;
  let said = 0;
  for (const { name, bit } of CAN_SAY.get(draft.kind)?.fields ?? []) {
    if (own[name] !== undefined) said |= bit;
  }
  return said;
}

/**
 * Whether a fact of that kind, which says `own`, can stand behind others that said `before`: what
 * it does not say would be read as theirs.
 */
export function canFollow(before: number, kind: Kind, own: number): boolean {
  return ((CAN_SAY.get(kind)?.bits ?? 0) & before & ~own) === 0;
}

/** A record as it is stored; `and` absent: it is of one fact. */
export type StoredRecord = LedgerRecord & { readonly and?: unknown };

/** Every fact of a record, as a record of its own; null: what it says is none. */
export function factsOf({ and, ...first }: StoredRecord): LedgerRecord[] | null {
  if (and === undefined) return [first];
  if (!Array.isArray(and) || and.length >= FACTS_MOST) return null;
  const facts: LedgerRecord[] = [first];
  const said: Record<string, unknown> = {};
  note(said, first);
  const { seq, at_ms, hash } = first;
  for (const one of and) {
    const fact = factIn(one, said, { seq: factSeq(seq, facts.length), at_ms, hash });
    if (!fact) return null;
    note(said, fact);
    facts.push(fact);
  }
  return facts;
}

/** As it would be told alone, its fields in the order of its kind. */
function factIn(
  one: unknown,
  said: Readonly<Record<string, unknown>>,
  of_record: Pick<LedgerRecord, 'seq' | 'at_ms' | 'hash'>,
): LedgerRecord | null {
  if (!isObject(one)) return null;
  const { kind, cause_seq } = one;
  if (typeof kind !== 'string' || !isKind(kind) || !Array.isArray(cause_seq)) return null;
  const { seq, at_ms, hash } = of_record;
  const fields: Record<string, unknown> = {};
  for (const name of KINDS[kind]) {
    const value = one[name] ?? (name in one ? null : said[name]);
    if (value !== undefined) fields[name] = value;
  }
  return { seq, at_ms, kind, ...fields, cause_seq, hash };
}

function note(said: Record<string, unknown>, fact: Partial<RecordFields>): void {
  for (const name of SAID_ONCE) if (fact[name] !== undefined) said[name] = fact[name];
}
