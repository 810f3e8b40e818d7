/** The story of an instance for people. */
import { printable } from '../base/printable.ts';
import { formatBytes, formatMs } from '../base/units.ts';
import type { LedgerGraph } from './graph.ts';
import type { Answered, Neighbour, Story, StoryChange } from './story.ts';
import { HANDOVER, isoTime, recordText, runLine } from './text.ts';

const WORD_CHARS = 200;
/** Of changes and calls the newest are told; JSON has all of them. */
const TOLD = 10;
const word = (text: string): string => printable(text, WORD_CHARS);
const size = (bytes: number | null): string => (bytes === null ? 'unknown' : formatBytes(bytes));
const line = (name: string, text: string): string => `  ${name.padEnd(10)}  ${text}`;

export function storyText(graph: LedgerGraph, story: Story): string {
  const { tenure, end, changes, before, after } = story;
  const [start] = changes;
  const { from_ms } = tenure;
  // Of a VM that was ended nobody says when its instances were gone.
  const until_ms = tenure.gone_ms ?? end?.why.target.wall_ms ?? null;
  const until =
    until_ms === null ? ' on' : ` to ${isoTime(until_ms)} (${formatMs(until_ms - from_ms)})`;
  const lines = [
    `${story.instance_id}  ${until_ms === null ? 'lives' : 'ended'}, ${word(story.function)}, ` +
      `${story.host} ${story.region_id}  #${tenure.seq}`,
    line('held', `from ${isoTime(from_ms)}${until}`),
    line('size', sizeText(story)),
    line('because', start ? answersText(start.answers) : 'its start is not in these records'),
    ...newest(changes).map((one) => line('change', changeText(one))),
    ...more('changes', changes.length),
    ...newest(tenure.runs).map((run) => line('call', runLine(run).trim())),
    ...more('calls', tenure.runs.length),
    ...(end ? [line('end', recordText(graph, end.why.target))] : []),
    ...(end && end.answers.length > 0 ? [line('', answersText(end.answers))] : []),
    ...(end?.why.because ? [line('', `because of ${recordText(graph, end.why.because)}`)] : []),
    line('left', HANDOVER[tenure.handover]),
    line('before it', neighbourText(before)),
    line('after it', neighbourText(after)),
  ];
  return `${lines.join('\n')}\n`;
}

function sizeText({ plugged_bytes, baseline_bytes, permit_bytes, tenure }: Story): string {
  const began = baseline_bytes === null ? '' : `; began with ${size(baseline_bytes)}`;
  const most =
    tenure.plugged_bytes === plugged_bytes ? '' : `, at most ${size(tenure.plugged_bytes)}`;
  return `${size(plugged_bytes)} by the VMM's last word${most}${began}; permit ${size(permit_bytes)}`;
}

const newest = <T>(all: readonly T[]): readonly T[] => all.slice(-TOLD);

function more(what: string, count: number): string[] {
  return count <= TOLD ? [] : [line('', `${count - TOLD} earlier ${what}; --json tells them`)];
}

function answersText(answers: readonly Answered[]): string {
  if (answers.length === 0) return 'no answer of a policy led to it';
  return answers
    .map(({ policy, question, answer, reason, inputs }) => {
      const saw = Object.entries(inputs).map(([name, value]) => `${name} ${figure(name, value)}`);
      const why = reason === undefined || reason === null ? '' : `: ${word(reason)}`;
      const told =
        question === 'size' && /^\d+$/.test(answer) ? size(Number(answer)) : word(answer);
      return `${word(policy)} ${question} -> ${told}${why} (${saw.join(', ')})`;
    })
    .join(`\n${line('', '')}`);
}

const figure = (name: string, value: number): string =>
  name.endsWith('_bytes') ? formatBytes(value) : String(value);

function changeText(one: StoryChange): string {
  const { cause, from_bytes, to_bytes, outcome, ended_ms, decided_ms } = one;
  const why = [one.code, one.reason].flatMap((text) => (text ? [word(text)] : []));
  const from = from_bytes === null ? '' : `${size(from_bytes)} -> `;
  const took =
    ended_ms === null ? 'its end is not recorded' : `in ${formatMs(ended_ms - decided_ms)}`;
  const what = `${word(cause ?? '')} ${from}${size(to_bytes)} ${outcome ?? ''} ${took}`;
  const because = why.length === 0 ? '' : `: ${why.join(' ')}`;
  return `${isoTime(decided_ms)}  ${one.operation_id ?? ''}  ${what}${because}`;
}

function neighbourText(neighbour: Neighbour | null): string {
  if (!neighbour) return 'nobody in these records';
  const { function: name, instance_id, from_ms, handover } = neighbour;
  return `${instance_id ?? 'nobody'} of ${word(name)} from ${isoTime(from_ms)}; ${HANDOVER[handover]}`;
}
