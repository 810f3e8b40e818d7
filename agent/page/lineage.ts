/** Who had one region, one after the other: a bar each, and more of the chosen one. Pure. */
import { escapeText, label, line, px, svg } from '../../base/chart/svg.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import type { Lineage, LineageRun, LineageTenure } from '../model/lineage.ts';
import { PAGE_LIMITS } from './limits.ts';

const WIDTH = 420;
const LEFT = 62;
const RIGHT = 66;
const TOP = 24;
const ROW = 19;

/** What the next holder found, in a word and for people. */
const HANDOVERS: Readonly<Record<LineageTenure['handover'], readonly [string, string]>> = {
  clean: ['clean', 'VMM and host had nothing left of it'],
  left: ['BYTES LEFT', 'VMM or host still had some of it'],
  unknown: ['not known', 'VMM or host did not tell what was left'],
  'vm-gone': ['VM ended', 'its VM itself was ended'],
  held: ['held', 'it has the region still'],
};

/** The newest holders, the newest on top; `seq` null: the newest one is chosen. */
export function renderLineage(lineage: Lineage | null, seq: number | null): string {
  if (!lineage) {
    return '<p class="note">Choose a region: click on it above, or name it (vm1/r0).</p>';
  }
  if (!lineage.is_kept) {
    return '<p class="note">This agent keeps no ledger: it runs without --ledger.</p>';
  }
  const shown = lineage.tenures.slice(-PAGE_LIMITS.tenures).toReversed();
  const chosen = shown.find((one) => one.seq === seq) ?? shown[0];
  const since = lineage.since_ms === null ? '' : ` since ${clockText(lineage.since_ms)}`;
  if (!chosen) {
    return `<p class="note">Nobody had ${escapeText(lineage.region_id)}${since}.</p>`;
  }
  return `${renderBars(lineage, shown, chosen)}<div>${renderTenure(chosen)}</div>`;
}

function renderBars(
  { region_id, now_ms, tenures_count }: Lineage,
  shown: readonly LineageTenure[],
  chosen: LineageTenure,
): string {
  const from_ms = Math.min(...shown.map((one) => one.from_ms));
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(1, now_ms - from_ms);
  const place = (at_ms: number): number => LEFT + (Math.min(at_ms, now_ms) - from_ms) * scale;
  const title = `${region_id}: ${shown.length} of ${tenures_count} holders`;
  const bottom = TOP + shown.length * ROW;
  const parts = [label('title', { x: 0, y: 14 }, title)];
  for (const [index, tenure] of shown.entries()) {
    const is_chosen = tenure === chosen;
    parts.push(renderBar(tenure, { y: TOP + index * ROW, now_ms, place, is_chosen }));
  }
  parts.push(line('axis', { x: LEFT, y: bottom }, { x: WIDTH - RIGHT, y: bottom }));
  parts.push(label('', { x: LEFT, y: bottom + 16 }, `${formatMs(now_ms - from_ms)} ago`));
  parts.push(label('end', { x: WIDTH - RIGHT, y: bottom + 16 }, 'now'));
  return svg({ width: WIDTH, height: bottom + 24, title, body: parts.join('') });
}

interface Bar {
  readonly y: number;
  readonly now_ms: number;
  readonly place: (at_ms: number) => number;
  readonly is_chosen: boolean;
}

/** Held, with the invocations in it; then until it was unplugged. */
function renderBar(tenure: LineageTenure, { y, now_ms, place, is_chosen }: Bar): string {
  const { seq, instance_id, handover, from_ms, gone_ms, emptied_ms, runs } = tenure;
  const end_ms = gone_ms ?? emptied_ms ?? now_ms;
  const rect = (look: string, begin: number, end: number): string => {
    const x = place(begin);
    const width = Math.max(1, place(end) - x);
    return `<rect class="area ${look}" x="${px(x)}" y="${y + 3}" width="${px(width)}" height="12"/>`;
  };
  const [word] = HANDOVERS[handover];
  const bad = handover === 'left' ? ' class="bad-text"' : '';
  const frame = is_chosen
    ? `<rect class="chosen" x="0.5" y="${y + 0.5}" width="${WIDTH - 1}" height="${ROW - 2}"/>`
    : `<rect class="row" x="0" y="${y}" width="${WIDTH}" height="${ROW}"/>`;
  return (
    `<g class="tenure" data-seq="${seq}" role="button" tabindex="0" aria-pressed="${is_chosen}">` +
    `<title>${escapeText(`${instance_id ?? 'nobody'}: ${HANDOVERS[handover][1]}`)}</title>${frame}` +
    label('', { x: 4, y: y + 13 }, shortName(instance_id ?? 'nobody')) +
    rect('r-idle', from_ms, end_ms) +
    runs.map((run) => rect('r-busy', run.began_ms, run.ended_ms ?? end_ms)).join('') +
    (emptied_ms !== null && gone_ms !== null ? rect('r-moving', gone_ms, emptied_ms) : '') +
    `<text${bad} x="${WIDTH - RIGHT + 6}" y="${y + 13}">${word}</text></g>`
  );
}

const shortName = (name: string): string => (name.length <= 8 ? name : `${name.slice(0, 7)}…`);

function renderTenure(tenure: LineageTenure): string {
  const { instance_id, from_ms, gone_ms, plugged_bytes, runs_count, runs } = tenure;
  const holder = escapeText(instance_id ?? 'nobody');
  const to = gone_ms === null ? 'on' : `to ${clockText(gone_ms)}, ${formatMs(gone_ms - from_ms)}`;
  const older =
    runs_count > runs.length ? `the newest ${runs.length} of ${runs_count}` : runs_count;
  return (
    `<p class="note holder" data-holder="${holder}"><b>${holder}</b> of ` +
    `${escapeText(tenure.function)}, ${formatBytes(plugged_bytes)}, from ${clockText(from_ms)} ` +
    `${to}. ${afterwards(tenure)}</p>` +
    `<div class="scroll"><table><tr><th>invocation (${older})</th><th class="text">asked by</th>` +
    `<th class="text">memory</th><th>began</th><th>took</th></tr>` +
    `${runs.toReversed().map(renderRun).join('')}</table></div>`
  );
}

function afterwards(tenure: LineageTenure): string {
  const [word, words] = HANDOVERS[tenure.handover];
  if (tenure.handover === 'held') return 'It has the region still.';
  const left = [
    ['VMM', tenure.left_vmm_bytes],
    ['guest', tenure.left_guest_bytes],
    ['host', tenure.left_host_bytes],
  ] as const;
  const seen = left.map(([who, bytes]) => {
    return `${who} ${bytes === null ? 'not told' : formatBytes(bytes)}`;
  });
  const { disagreement } = tenure;
  const against = disagreement === null ? '' : `; <em>${escapeText(disagreement)}</em>`;
  return `Afterwards <b>${word}</b>: ${words} (${seen.join(', ')}${against}).`;
}

function renderRun(run: LineageRun): string {
  const { invocation_id, peer, reuse_seq, began_ms, ended_ms, outcome, seq } = run;
  const took = ended_ms === null ? '-' : formatMs(ended_ms - began_ms);
  const memory = reuse_seq === null ? 'fresh' : `left by #${reuse_seq}`;
  const name = `${escapeText(invocation_id ?? 'not known')} #${seq}`;
  return (
    `<tr data-run="${seq}"><td title="record ${seq}">${name}</td>` +
    `<td class="text">${escapeText(peer ?? 'not known')}</td><td class="text">${memory}</td>` +
    `<td>${clockText(began_ms)}</td><td>${took}, ${escapeText(outcome ?? 'not ended')}</td></tr>`
  );
}

/** Of the day, in UTC, as the ledger's own commands tell it. */
function clockText(wall_ms: number): string {
  const part = (unit_ms: number, of: number, digits: number): string =>
    String(Math.floor(wall_ms / unit_ms) % of).padStart(digits, '0');
  return `${part(3_600_000, 24, 2)}:${part(60_000, 60, 2)}:${part(1_000, 60, 2)}.${part(1, 1_000, 3)}`;
}
