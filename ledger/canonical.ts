/**
 * The one text of a record: keys in the order of its kind, numbers and texts as ECMAScript's JSON
 * writes them, no white space, times in whole microseconds. Pure.
 */
import { type RecordDraft, KINDS, type RecordFields } from './record.ts';

/** The record without its hash: what is hashed together with the hash before it. */
export function canonicalText(seq: number, draft: RecordDraft): string {
  const { kind, at_ms, cause_seq } = draft;
  const fields: Partial<RecordFields> = draft;
  let text = `{"seq":${seq},"at_ms":${stamp(at_ms)},"kind":"${kind}"`;
  for (const name of KINDS[kind]) {
    const value = fields[name];
    if (value !== undefined) text += `,"${name}":${textOf(name, value)}`;
  }
  return `${text},"cause_seq":[${cause_seq.join(',')}]}`;
}

function textOf(name: string, value: RecordFields[keyof RecordFields]): string {
  if (typeof value === 'number') return String(name.endsWith('_ms') ? stamp(value) : value);
  if (typeof value === 'object' && value !== null) return JSON.stringify(sorted(value));
  return JSON.stringify(value);
}

function sorted(inputs: Readonly<Record<string, number>>): Record<string, number> {
  const names = Object.keys(inputs).toSorted();
  return Object.fromEntries(names.map((name) => [name, inputs[name] ?? 0]));
}

/** A clock of nanoseconds told as a float has digits that mean nothing. */
function stamp(at_ms: number): number {
  return Math.round(at_ms * 1_000) / 1_000;
}
