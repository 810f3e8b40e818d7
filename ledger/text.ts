/** Answers of a ledger for people. */
import { printable } from '../base/printable.ts';
import { formatBytes, formatMs } from '../base/units.ts';
import type { Entry, LedgerGraph } from './graph.ts';
import type { Holding } from './holdings.ts';
import type { Run, Tenure } from './lineage.ts';
import { answersOf, type LedgerRecord } from './record.ts';
import type { Verified } from './verify.ts';
import type { Explanation } from './why.ts';

const WORD_CHARS = 200;
const word = (text: string): string => printable(text, WORD_CHARS);
const size = (bytes: number | null | undefined): string =>
  bytes === null || bytes === undefined ? 'unknown' : formatBytes(bytes);
const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;

/** Whole milliseconds, UTC. */
export const isoTime = (wall_ms: number): string => new Date(wall_ms).toISOString();

export function verifiedText(all: readonly Verified[]): string {
  return lines(all.flatMap(verifiedLines));
}

function verifiedLines(one: Verified): string[] {
  const { folder, bad, records, segments, head, first_seq, heads_met } = one;
  const since = first_seq === 1 || first_seq === null ? '' : `, the oldest of them ${first_seq}`;
  const size_text = `${records} records in ${segments} segments${since}`;
  if (bad) {
    const where = bad.offset === null ? bad.path : `${bad.path} at byte ${bad.offset}`;
    return [
      `${folder}: BROKEN at record ${bad.seq}: ${bad.problem}`,
      `  ${where}; ${records} good records before it`,
    ];
  }
  const heads = heads_met === 0 ? 'no head that was kept was compared' : `${heads_met} heads met`;
  return [`${folder}: whole, ${size_text}; ${heads}`, `  head ${head?.seq}:${head?.hash}`];
}

export function lineageText(tenures: readonly Tenure[]): string {
  return lines(tenures.flatMap(tenureLines));
}

/** What the next holder of a region found. */
export const HANDOVER = {
  clean: 'emptied: VMM and host have nothing left of it',
  left: 'NOT empty: something was left for the next holder',
  unknown: 'not known to be empty: an observer did not tell',
  'vm-gone': 'its VM is gone',
  held: 'still held',
} as const;

function tenureLines(one: Tenure): string[] {
  const { region_id, instance_id, from_ms, gone_ms, handover, emptied, discarded } = one;
  const until = gone_ms === null ? 'now' : isoTime(gone_ms);
  const guest = one.guest_bytes === null ? '' : `, guest ${size(one.guest_bytes)}`;
  const saw = emptied
    ? ` (VMM ${size(emptied.vmm_bytes)}, host ${size(discarded?.host_bytes)}${guest})`
    : '';
  const against = one.disagreement === null ? '' : `; ${word(one.disagreement)}`;
  return [
    `${one.host} ${region_id}  ${isoTime(from_ms)} to ${until}  ${word(one.function)} ` +
      `${instance_id ?? 'nobody'}  ${size(one.plugged_bytes)}  #${one.seq}`,
    ...one.runs.map(runLine),
    `    ${HANDOVER[handover]}${saw}${against}`,
  ];
}

export function runLine(run: Run): string {
  const { invocation_id, peer, reuse_seq, began_ms, ended_ms, outcome } = run;
  const who = peer === null ? '' : ` for ${word(peer)}`;
  const warm = reuse_seq === null ? 'first in it' : `warm: after #${reuse_seq} in the same memory`;
  const end = ended_ms === null ? 'runs' : `${outcome ?? 'ended'} ${formatMs(ended_ms - began_ms)}`;
  const name = word(invocation_id ?? run.request_id ?? '');
  return `    ${isoTime(began_ms)}  ${name}${who}  ${end}  ${warm}  #${run.seq}`;
}

export function whoText(holdings: readonly Holding[], wall_ms: number): string {
  const sum = holdings.reduce((total, { permit_bytes }) => total + permit_bytes, 0);
  return lines([
    `at ${isoTime(wall_ms)}: ${size(sum)} granted`,
    ...holdings.map((one) => {
      const where = `${one.host} ${one.region_id ?? one.vm_id}`;
      const moving =
        one.moving_to_bytes === null ? '' : `, changing to ${size(one.moving_to_bytes)}`;
      const bytes = `${size(one.plugged_bytes)} of permit ${size(one.permit_bytes)}${moving}`;
      const run = one.invocation_id === null ? '' : ` ${word(one.invocation_id)}`;
      const doing =
        one.instance_id === null ? '' : one.is_running ? `runs${run}` : `idle, last${run}`;
      const holder = one.region_id === null ? 'boot memory and VMM' : (one.instance_id ?? 'nobody');
      return `  ${where}  ${word(one.function)}  ${holder}  ${bytes}  ${doing}`.trimEnd();
    }),
  ]);
}

export function whyText(graph: LedgerGraph, one: Explanation): string {
  const { target, because, asked, steps } = one;
  const cause = because
    ? `because of ${recordText(graph, because)}`
    : 'nothing went wrong before it';
  return lines([
    recordText(graph, target),
    `  ${cause}`,
    ...(asked ? [`  asked for: ${recordText(graph, asked)}`] : []),
    ...steps
      .slice(1)
      .map(
        ({ entry, depth }) => `${'  '.repeat(Math.min(depth, 12) + 1)}${recordText(graph, entry)}`,
      ),
  ]);
}

export function denialsText(graph: LedgerGraph, denials: readonly Explanation[]): string {
  if (denials.length === 0) return 'nothing was denied\n';
  return lines(
    denials.flatMap(({ target, because, asked }) => [
      recordText(graph, target),
      ...(because && because !== target ? [`    because of ${recordText(graph, because)}`] : []),
      ...(asked ? [`    asked for: ${recordText(graph, asked)}`] : []),
    ]),
  );
}

/** A record in one line. */
export function recordText(graph: LedgerGraph, { source, record, wall_ms }: Entry): string {
  const { kind, seq, trust } = record;
  const seq_text = graph.nameOf(source, `#${seq}`);
  const by = trust === undefined || trust === 'agent' ? '' : ` (${trust})`;
  return `${isoTime(wall_ms)}  ${seq_text}  ${kind}${by}  ${word(aboutText(record))}`.trimEnd();
}

function aboutText(record: LedgerRecord): string {
  const { region_id, vm_id, instance_id, operation_id, invocation_id, request_id } = record;
  const { from_bytes, to_bytes, vmm_bytes, host_bytes, bytes, outcome, code, reason } = record;
  const change = to_bytes === undefined ? [] : [`${size(from_bytes ?? 0)} -> ${size(to_bytes)}`];
  const told = (name: string, value: number | null | undefined): string[] =>
    value === undefined ? [] : [`${name} ${size(value)}`];
  const texts = [
    record.function,
    region_id ?? vm_id,
    instance_id,
    operation_id,
    record.cause,
    invocation_id ?? request_id,
    record.peer === null ? 'peer unknown' : record.peer,
    answersOf(record)
      .map(({ question, answer }) => `${question}: ${answer}`)
      .join('; '),
    record.what,
    ...change,
    ...(bytes === undefined ? [] : [size(bytes)]),
    ...told('VMM', vmm_bytes),
    ...told('guest', record.guest_bytes),
    ...told('host', host_bytes),
    outcome,
    code,
    reason,
  ];
  return texts.filter((text) => text !== undefined && text !== null && text !== '').join(' ');
}
