/**
 * What a stage is called with, and what a DAG answers: of one stage its answer as it is, of several
 * a JSON object by their names. Pure.
 */
import { parseJson } from '../../base/json.ts';
import { JSON_TYPE } from '../model/work.ts';

/** Bytes that a function answered; null: it answered none. */
export type StageAnswer = { readonly bytes: Uint8Array; readonly content_type: string } | null;

export interface Joined {
  readonly bytes: Uint8Array;
  readonly content_type: string;
}

const NOTHING: Joined = { bytes: new Uint8Array(), content_type: '' };

/** The stage whose answer fits into no JSON, instead. */
export type JoinTrouble = { readonly stage: string };

/** `answers`: by stage, in the order of the definition. */
export function joinAnswers(answers: ReadonlyMap<string, StageAnswer>): Joined | JoinTrouble {
  const [only] = answers.values();
  if (answers.size === 1) return only ?? NOTHING;
  const fields: string[] = [];
  for (const [stage, answer] of answers) {
    const value = jsonOf(answer);
    if (value === null) return { stage };
    fields.push(`${JSON.stringify(stage)}:${value}`);
  }
  return { bytes: Buffer.from(`{${fields.join(',')}}`), content_type: JSON_TYPE };
}

/** JSON stays as it was written; other text is a string; null: it is neither. */
function jsonOf(answer: StageAnswer): string | null {
  if (!answer || answer.bytes.length === 0) return 'null';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(answer.bytes);
  } catch {
    return null;
  }
  return parseJson(text) === undefined ? JSON.stringify(text) : text;
}
