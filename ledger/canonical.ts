/**
 * The one text of a record: keys in the order of its kind, numbers and texts as ECMAScript's JSON
 * writes them, no white space, times in whole microseconds. Pure.
 */
import { type PolicyAnswer, type RecordDraft, KINDS, type RecordFields } from './record.ts';

/** One field of a kind, as far as its text is the same in every record. */
interface FieldText {
  readonly name: keyof RecordFields;
  /** What stands before its value. */
  readonly before: string;
  readonly is_time: boolean;
}

/** Worked out once: an agent writes a score of records for each start and end of an instance. */
const FIELDS: ReadonlyMap<string, readonly FieldText[]> = new Map(
  Object.entries(KINDS).map(([kind, names]) => [kind, names.map(fieldText)]),
);

function fieldText(name: keyof RecordFields): FieldText {
  return { name, before: `,"${name}":`, is_time: name.endsWith('_ms') };
}

/**
 * The record without its hash and without the brace that ends it: with that brace it is what is
 * hashed together with the hash before it.
 */
export function canonicalBody(seq: number, draft: RecordDraft): string {
  const { kind, at_ms, cause_seq } = draft;
  const fields: Partial<RecordFields> = draft;
  let text = `{"seq":${seq},"at_ms":${stamp(at_ms)},"kind":"${kind}"`;
  for (const { name, before, is_time } of FIELDS.get(kind) ?? []) {
    const value = fields[name];
    if (value !== undefined) text += before + textOf(value, is_time);
  }
  return `${text},"cause_seq":[${cause_seq.join(',')}]`;
}

/** Most texts are names that JSON writes as they are. */
const PLAIN = /^[\w ./:-]*$/;

function textOf(value: RecordFields[keyof RecordFields], is_time: boolean): string {
  if (typeof value === 'number') return String(is_time ? stamp(value) : value);
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(value);
  return isList(value) ? `[${value.map(answerText).join(',')}]` : inputsText(value);
}

const isList = (value: object): value is readonly PolicyAnswer[] => Array.isArray(value);

const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

const OF_ANSWER = ['question', 'answer', 'reason', 'vm_id', 'region_id', 'invocation_id'] as const;

function answerText(answer: PolicyAnswer): string {
  let text = '{';
  for (const name of OF_ANSWER) {
    const value = answer[name];
    if (value !== undefined && value !== null) text += `"${name}":${quoted(value)},`;
  }
  return `${text}"inputs":${inputsText(answer.inputs)}}`;
}

/** Sorted by name, whatever the order in which a policy gave them. */
function inputsText(inputs: Readonly<Record<string, number>>): string {
  let text = '';
  for (const name of Object.keys(inputs).toSorted()) {
    text += `${text === '' ? '' : ','}${quoted(name)}:${JSON.stringify(inputs[name] ?? 0)}`;
  }
  return `{${text}}`;
}

/** A clock of nanoseconds told as a float has digits that mean nothing. */
function stamp(at_ms: number): number {
  return Math.round(at_ms * 1_000) / 1_000;
}
