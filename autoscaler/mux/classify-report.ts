/** The table of a classification, for people and for programs. Pure. */
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import type { Extraction } from './extract.ts';
import type { Remark } from './machine.ts';
import { CLASS_NAMES, extractionDocument, linePlace } from './report.ts';
import { CERTAINTIES, type Certainty } from './values.ts';

export interface Classified {
  readonly file: string;
  readonly extraction: Extraction;
}

export interface Unclassified {
  readonly file: string;
  readonly error: string;
}

export interface ClassificationRows {
  readonly functions: readonly Classified[];
  readonly unread: readonly Unclassified[];
  readonly without_handler: readonly string[];
}

/** Reasons that are told of a function, and characters of a peak: the rest is with mux extract. */
const REASONS_TOLD = 4;
const PEAK_CHARS = 100;

/** A line a function, best class first, and below it what it is not better for. */
export function renderClassification(rows: ClassificationRows): string {
  const { functions, unread, without_handler } = rows;
  const sorted = functions.toSorted((a, b) => rankOf(a) - rankOf(b));
  const width = Math.max(8, ...sorted.map(({ file }) => printable(file).length));
  const lines = sorted.flatMap((one) => [lineOf(one, width), ...reasonLines(one)]);
  const broken = unread.map(({ file, error }) => `not read  ${printable(file)}: ${error}`);
  const counts = CERTAINTIES.map((one) => {
    const of = functions.filter(({ extraction }) => extraction.certainty === one);
    return `${of.length} ${CLASS_NAMES[one]}`;
  });
  const helpers = without_handler.length;
  return [
    `${'class'.padEnd(19)} ${'function'.padEnd(width)}  peak`,
    ...lines,
    ...broken,
    '',
    `${functions.length} functions: ${counts.join(', ')}`,
    ...(helpers === 0 ? [] : [`${helpers} source files without a function that a platform calls`]),
    '',
  ].join('\n');
}

const rankOf = ({ extraction }: Classified): number => CERTAINTIES.indexOf(extraction.certainty);

function lineOf({ file, extraction }: Classified, width: number): string {
  const { certainty, cold } = extraction;
  const { text } = cold.peak;
  const short = text.length > PEAK_CHARS ? `${text.slice(0, PEAK_CHARS - 1)}…` : text;
  const peak = certainty === 'refused' ? '-' : short;
  return `${CLASS_NAMES[certainty].padEnd(19)} ${printable(file).padEnd(width)}  ${peak}`;
}

function reasonLines({ extraction }: Classified): string[] {
  const reasons = reasonsOf(extraction);
  const told = reasons
    .slice(0, REASONS_TOLD)
    .map((one) => `  ${linePlace(one)} ${printable(one.what)}`);
  const more = reasons.length - told.length;
  return more > 0 ? [...told, `  and ${more} more`] : told;
}

/** What holds a function in its class: nothing for an exact one. */
function reasonsOf({ certainty, remarks }: Extraction): readonly Remark[] {
  return certainty === 'exact' ? [] : remarks.filter((one) => one.certainty === certainty);
}

/** Everything, for programs. */
export function classificationJson(rows: ClassificationRows): string {
  const { functions, unread, without_handler } = rows;
  const counts: Partial<Record<Certainty, number>> = {};
  for (const one of CERTAINTIES) {
    counts[one] = functions.filter(({ extraction }) => extraction.certainty === one).length;
  }
  return jsonDocument({
    functions: functions.map(extractionDocument),
    unread,
    without_handler,
    counts: Object.fromEntries(CERTAINTIES.map((one) => [CLASS_NAMES[one], counts[one]])),
  });
}
