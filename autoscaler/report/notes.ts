/** What a reader has to know to read the figures, as sentences. Pure. */
import { fitText } from './fit-text.ts';
import { printable } from '../../base/printable.ts';
import { formatMs } from '../../base/units.ts';
import { SATURATED_SLOWDOWN } from './comparability.ts';
import { percent } from './figures.ts';
import { speedupText } from './speedup-text.ts';
import type { MechanismSummary, Summary } from './summary.ts';

/** First of all that is told of such a run. */
export const SIMULATED_NOTE =
  'SIMULATED: nothing here was measured; what is plugged counts as resident.';

export function footnotes(summary: Summary): string[] {
  const notes = summary.simulated ? [SIMULATED_NOTE] : [];
  notes.push(baselineNote(summary));
  for (const one of summary.mechanisms) {
    const name = printable(one.mechanism, 40);
    for (const { text } of one.not_compared) {
      notes.push(`${name} is not compared: ${printable(text)}.`);
    }
  }
  if (summary.speedup_choice) {
    notes.push(`By --speedup auto: ${printable(speedupText(summary.speedup_choice), 2048)}.`);
  }
  for (const one of summary.real ?? []) {
    notes.push(`In the place of ${printable(one.name, 40)}: ${printable(fitText(one))}.`);
  }
  notes.push(...markNotes(summary), ...idealNotes(summary), ...repetitionNotes(summary));
  notes.push(
    `In time: done at most ${formatMs(summary.in_time_ms)} after the planned arrival plus the ` +
      'planned duration.',
    `Percentiles: ${summary.percentile_definition}.`,
  );
  if (summary.mechanisms.some((one) => one.accelerator === 'tcg')) {
    notes.push('Under TCG no absolute time is a claim; compare mechanisms within this run.');
  }
  for (const file of summary.missing_files) {
    if (file !== 'load.jsonl') notes.push(`${file} is missing: what it would tell is not known.`);
  }
  for (const file of summary.torn_files) notes.push(`${file}: the last line was cut off.`);
  if (summary.foreign_lines > 0) {
    const count = summary.foreign_lines;
    notes.push(`${count} lines are of mechanisms that had no turn by the manifest; left out.`);
  }
  return notes;
}

/** The baseline by name, or why there is none to compare with. */
export function baselineNote(summary: Summary): string {
  const name = printable(summary.baseline, 40);
  const baseline = summary.mechanisms.find((one) => one.mechanism === summary.baseline);
  if (!baseline)
    return `This run has no baseline: ${name} was not replayed, so no saving is stated.`;
  if (!baseline.comparable) {
    return `The baseline ${name} cannot be compared with, so no saving is stated.`;
  }
  return `Baseline: ${name}, the VM that keeps all of its memory all of the time.`;
}

const names = (list: readonly MechanismSummary[]): string =>
  list.map((one) => printable(one.mechanism, 40)).join(', ');

function markNotes(summary: Summary): string[] {
  const marked = (mark: MechanismSummary['marks'][number]): MechanismSummary[] =>
    summary.mechanisms.filter((one) => one.marks.includes(mark));
  const notes: string[] = [];
  const unseen = marked('load-not-observed');
  if (unseen.length > 0) {
    const what = 'whether the host was busy with something else is not known';
    notes.push(`Load not observed (${names(unseen)}): ${what}.`);
  }
  for (const one of marked('load-observed-in-part')) {
    const share = percent(one.load.observed_share ?? 0);
    notes.push(
      `${names([one])}: the load of the host was observed for ${share} of the window only.`,
    );
  }
  for (const one of marked('saturated')) {
    const slowdown = (one.invocations.service_slowdown_p50 ?? 0).toFixed(2);
    notes.push(
      `${names([one])} is saturated: once it had an instance, the median call took ${slowdown} ` +
        `times its planned duration (above ${SATURATED_SLOWDOWN}), so the host's own work filled it.`,
    );
  }
  return notes;
}

function idealNotes({ ideal, mechanisms }: Summary): string[] {
  if (!ideal) return [];
  const whole = ideal.with_keep_alive_gib_s;
  const calls = ideal.without_keep_alive_gib_s;
  const notes = [
    `The least that any mechanism could commit for this plan is ${whole.toFixed(1)} GiB·s, with ` +
      `plugs and unplugs that take no time: ${ideal.boot_gib_s.toFixed(1)} of boot memory, ` +
      `${(calls - ideal.boot_gib_s).toFixed(1)} of calls, ${(whole - calls).toFixed(1)} of ` +
      `keep-alive. Without keep-alive it would be ${calls.toFixed(1)}.`,
  ];
  const reached = mechanisms
    .map((one) => one.reached_of_ideal)
    .filter((share) => share !== null)
    .toSorted((a, b) => a - b);
  const [least] = reached;
  const most = reached.at(-1);
  if (least === undefined || most === undefined) return notes;
  if (most > 1) {
    notes.push(
      'More than 100 % of the possible saving: calls held their instances for a shorter time than ' +
        'planned, so that less was needed than the least for the plan.',
    );
  }
  if (least >= 0.5) {
    // One alone differs from nothing.
    const apart =
      reached.length > 1 ? ` What the mechanisms differ in is ${percent(most - least)} of it.` : '';
    notes.push(
      `Of the possible saving at least ${percent(least)} is reached by each compared: most of it ` +
        `comes from giving memory back after keep-alive at all, whatever the mechanism.${apart}`,
    );
  }
  return notes;
}

function repetitionNotes({ mechanisms }: Summary): string[] {
  if (mechanisms.length < 2) return [];
  const order = mechanisms.map((one) => printable(one.mechanism, 40)).join(', ');
  return [
    `One run in one order (${order}): the ranges are those within this run. How far another run ` +
      'would differ is not known from it, so a difference of a few per cent orders nothing.',
  ];
}
