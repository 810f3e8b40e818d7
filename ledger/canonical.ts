/**
 * The one text of a record: keys in the order of its kind, numbers and texts as ECMAScript's JSON
 * writes them, no white space, times in whole microseconds. Pure.
 */
import { asciiOf, type JsonBytes } from './json-bytes.ts';
import { SAID_ONCE } from './facts.ts';
import { type PolicyAnswer, type RecordDraft, KINDS, type RecordFields } from './record.ts';

/** One field of a kind, as far as its text is the same in every record. */
interface FieldText {
  readonly name: keyof RecordFields;
  /** What stands before its value. */
  readonly before: Uint8Array;
  readonly is_time: boolean;
  /** Its place among those that are said once in a record; -1: it is said by each fact. */
  readonly once: number;
}

interface KindText {
  /** What stands between the time of a record and its first field. */
  readonly kind: Uint8Array;
  /** What a further fact begins with. */
  readonly begin: Uint8Array;
  readonly fields: readonly FieldText[];
}

/** Worked out once: an agent writes a score of records for each start and end of an instance. */
const TEXTS: ReadonlyMap<string, KindText> = new Map(
  Object.entries(KINDS).map(([kind, names]) => [
    kind,
    {
      kind: asciiOf(`,"kind":"${kind}"`),
      begin: asciiOf(`{"kind":"${kind}"`),
      fields: names.map(fieldText),
    },
  ]),
);

function fieldText(name: keyof RecordFields): FieldText {
  const once = SAID_ONCE.findIndex((other) => other === name);
  return { name, before: asciiOf(`,"${name}":`), is_time: name.endsWith('_ms'), once };
}

const SEQ = asciiOf('{"seq":');
const AT = asciiOf(',"at_ms":');
const AND = asciiOf(',"and":[');
const CAUSES = asciiOf(',"cause_seq":[');
const INPUTS = asciiOf('"inputs":{');
const COMMA = 0x2c;
const COLON = 0x3a;
const LIST = 0x5b;
const LIST_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** What was said already in a record, by the place of the field; for `putRecord` to use again. */
export type SaidBefore = (Value | undefined)[];

/**
 * Puts the record of the facts from one place to before another, without its hash and without the
 * brace that ends it: with that brace it is what is hashed together with the hash before it.
 */
export function putRecord(
  out: JsonBytes,
  seq: number,
  facts: readonly RecordDraft[],
  { from, to, said }: { readonly from: number; readonly to: number; readonly said: SaidBefore },
): void {
  const first = facts[from];
  if (!first) return;
  const text = TEXTS.get(first.kind);
  out.ascii(SEQ);
  out.number(seq);
  out.ascii(AT);
  out.time(first.at_ms);
  said.fill(undefined);
  if (text) {
    out.ascii(text.kind);
    putFields(out, text.fields, first, said);
  }
  putCauses(out, first.cause_seq);
  if (to - from < 2) return;
  out.ascii(AND);
  for (let place = from + 1; place < to; place += 1) {
    const fact = facts[place];
    const of_kind = fact && TEXTS.get(fact.kind);
    if (!of_kind) continue;
    if (place > from + 1) out.byte(COMMA);
    out.ascii(of_kind.begin);
    putFields(out, of_kind.fields, fact, said);
    putCauses(out, fact.cause_seq);
    out.byte(BRACE_END);
  }
  out.byte(LIST_END);
}

/** Those that it says, and that were not said of the facts before it. */
function putFields(
  out: JsonBytes,
  texts: readonly FieldText[],
  fields: Partial<RecordFields>,
  said: SaidBefore,
): void {
  for (const field of texts) {
    const value = fields[field.name];
    if (value === undefined) continue;
    if (field.once >= 0) {
      if (said[field.once] === value) continue;
      said[field.once] = value;
    }
    putField(out, field, value);
  }
}

function putCauses(out: JsonBytes, cause_seq: readonly number[]): void {
  out.ascii(CAUSES);
  for (let index = 0; index < cause_seq.length; index += 1) {
    if (index > 0) out.byte(COMMA);
    out.seq(cause_seq[index] ?? 0);
  }
  out.byte(LIST_END);
}

type Value = RecordFields[keyof RecordFields];

function putField(out: JsonBytes, { before, is_time }: FieldText, value: Value): void {
  out.ascii(before);
  if (typeof value === 'string') out.quoted(value);
  else if (typeof value === 'number') {
    if (is_time) out.time(value);
    else out.number(value);
  } else if (typeof value !== 'object' || value === null) out.latin(String(value));
  else if (isList(value)) putAnswers(out, value);
  else {
    out.byte(BRACE);
    putInputs(out, value);
  }
}

const isList = (value: object): value is readonly PolicyAnswer[] => Array.isArray(value);

function putAnswers(out: JsonBytes, answers: readonly PolicyAnswer[]): void {
  out.byte(LIST);
  for (let index = 0; index < answers.length; index += 1) {
    const answer = answers[index];
    if (index > 0) out.byte(COMMA);
    if (answer) putAnswer(out, answer);
  }
  out.byte(LIST_END);
}

const OF_ANSWER = (
  ['question', 'answer', 'reason', 'vm_id', 'region_id', 'invocation_id'] as const
).map((name) => ({ name, before: asciiOf(`"${name}":`) }));

function putAnswer(out: JsonBytes, answer: PolicyAnswer): void {
  out.byte(BRACE);
  for (const { name, before } of OF_ANSWER) {
    const value = answer[name];
    if (value === undefined || value === null) continue;
    out.ascii(before);
    out.quoted(value);
    out.byte(COMMA);
  }
  out.ascii(INPUTS);
  putInputs(out, answer.inputs);
  out.byte(BRACE_END);
}

/** Sorted by name, whatever the order in which a policy gave them; ends with their brace. */
function putInputs(out: JsonBytes, inputs: Readonly<Record<string, number>>): void {
  const names = Object.keys(inputs);
  if (names.length > 1) names.sort();
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] ?? '';
    if (index > 0) out.byte(COMMA);
    out.quoted(name);
    out.byte(COLON);
    out.number(inputs[name] ?? 0);
  }
  out.byte(BRACE_END);
}
