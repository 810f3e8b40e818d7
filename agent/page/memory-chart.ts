/** Host memory over time, stacked by function: what is committed, plugged and resident. Pure. */
import { fill, label, line, linearTicks, px, StepPath, stroke, svg } from '../../base/chart/svg.ts';
import { formatBytes, GIB, MIB } from '../../base/units.ts';
import { type History, type MemoryKind, type MemorySample, sumOf } from './history.ts';
import { PAGE_LIMITS } from './limits.ts';
import { functionStyle, LIMIT_LINE } from './styles.ts';

const WIDTH = 350;
const HEIGHT = 196;
const LEFT = 46;
const RIGHT = 10;
const TOP = 30;
const BOTTOM = 168;

const FIELDS: readonly (readonly [MemoryKind, string])[] = [
  ['committed_bytes', 'committed'],
  ['plugged_bytes', 'plugged'],
  ['resident_bytes', 'resident on the host'],
];

interface Frame {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly most_bytes: number;
}

/** A picture of each, all with the same axes. */
export function renderMemory(history: History): string[] {
  const frame = frameOf(history);
  return FIELDS.map(([field, title]) => renderField(history, field, title, frame));
}

function frameOf({ samples }: History): Frame {
  const to_ms = samples.at(-1)?.at_ms ?? 0;
  const first_ms = samples[0]?.at_ms ?? 0;
  const shown_ms = Math.max(to_ms - first_ms, 60 * PAGE_LIMITS.sample_ms);
  let most_bytes = MIB;
  for (const sample of samples) {
    for (const [field] of FIELDS) most_bytes = Math.max(most_bytes, totalOf(sample, field) ?? 0);
  }
  return { from_ms: to_ms - shown_ms, to_ms, most_bytes: most_bytes * 1.08 };
}

function renderField(history: History, field: MemoryKind, title: string, frame: Frame): string {
  const last = history.samples.at(-1);
  const now = last ? totalOf(last, field) : null;
  const shown = now === null ? 'not known of all VMs' : formatBytes(now);
  const parts = [label('title', { x: 0, y: 14 }, `${title}: ${shown}`)];
  parts.push(...stack(history, field, frame), axes(frame));
  const limit_bytes = last?.limit_bytes ?? 0;
  if (limit_bytes > 0 && limit_bytes <= frame.most_bytes) {
    const y = toY(limit_bytes, frame);
    parts.push(stroke(LIMIT_LINE, `M${LEFT} ${px(y)}H${WIDTH - RIGHT}`, 1.4));
    parts.push(label('end', { x: WIDTH - RIGHT, y: y - 4 }, 'host limit'));
  }
  return svg({ width: WIDTH, height: HEIGHT, title, body: parts.join('') });
}

/** Sums of fewer and fewer functions: each is drawn over the former. */
function stack(history: History, field: MemoryKind, frame: Frame): string[] {
  const names = history.coloured.filter((name) => name !== null);
  const drawn = [area(history.samples, frame, null, (sample) => totalOf(sample, field))];
  for (let count = names.length; count > 0; count -= 1) {
    const below = names.slice(0, count);
    const colour = history.colourOf(below.at(-1) ?? '');
    drawn.push(
      area(history.samples, frame, colour, ({ functions }) => {
        const parts = below.map((name) => functions.get(name)).filter((one) => one !== undefined);
        return sumOf(parts)[field];
      }),
    );
  }
  return drawn;
}

function area(
  samples: readonly MemorySample[],
  frame: Frame,
  colour: number | null,
  bytesOf: (sample: MemorySample) => number | null,
): string {
  const drawn: string[] = [];
  let path = new StepPath();
  const finish = (): void => {
    const d = path.area(BOTTOM);
    if (d !== '') drawn.push(fill(functionStyle(colour), d));
    path = new StepPath();
  };
  for (const sample of samples) {
    const bytes = bytesOf(sample);
    // Where somebody is silent the sum is not known: a gap, and no lower hill.
    if (bytes === null) finish();
    else path.add(toX(sample.at_ms, frame), toY(bytes, frame));
  }
  finish();
  return drawn.join('');
}

function totalOf({ functions, others }: MemorySample, field: MemoryKind): number | null {
  return sumOf(others ? [...functions.values(), others] : [...functions.values()])[field];
}

function axes(frame: Frame): string {
  const unit = frame.most_bytes >= 2 * GIB ? GIB : MIB;
  const name = unit === GIB ? 'GiB' : 'MiB';
  const parts = linearTicks(frame.most_bytes / unit, 4).map((value) => {
    const y = toY(value * unit, frame);
    const kind = value === 0 ? 'axis' : 'grid';
    return (
      line(kind, { x: LEFT, y }, { x: WIDTH - RIGHT, y }) +
      label('end', { x: LEFT - 5, y: y + 4 }, value === 0 ? `0 ${name}` : String(value))
    );
  });
  const seconds = Math.round((frame.to_ms - frame.from_ms) / 1_000);
  const ago = seconds >= 120 ? `${Math.round(seconds / 60)} min ago` : `${seconds} s ago`;
  parts.push(label('', { x: LEFT, y: BOTTOM + 18 }, ago));
  parts.push(label('end', { x: WIDTH - RIGHT, y: BOTTOM + 18 }, 'now'));
  return parts.join('');
}

const toX = (at_ms: number, { from_ms, to_ms }: Frame): number =>
  LEFT + ((at_ms - from_ms) / Math.max(1, to_ms - from_ms)) * (WIDTH - LEFT - RIGHT);

const toY = (bytes: number, { most_bytes }: Frame): number =>
  BOTTOM - (bytes / most_bytes) * (BOTTOM - TOP);
