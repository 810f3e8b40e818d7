/**
 * Memory inside invocations: what is plugged of the regions of one VM against what is used of them,
 * a chart for each mechanism whose sizes follow use, and what ran there meanwhile. Pure.
 */
import { GIB, MIB } from '../../../base/units.ts';
import { fill, label, line, linearTicks, StepPath, stroke, svg } from '../../../base/chart/svg.ts';
import type { MechanismTally, RunTally } from '../run-tally.ts';
import type { ChangedVm } from '../size-tally.ts';
import { styleOf } from './palette.ts';
import { sizeLanes } from './size-lanes.ts';

const WIDTH = 960;
const HEIGHT = 240;
const LEFT = 56;
const RIGHT = 16;
const TOP = 62;
const FLOOR = HEIGHT - 46;
/** Shown before the first change and after the last, of the time between them; at least so much. */
const AROUND = 0.08;
const AROUND_MS = 500;
/** A chart that shows more would show no single invocation. */
const SHOWN_MS = 60_000;

interface Sizes {
  readonly at_ms: number;
  readonly plugged_bytes: number;
  /** NaN: not known. */
  readonly used_bytes: number;
}

/** None where no region changed its size while it was in use. */
export function renderSizeCharts(tally: RunTally): string[] {
  const boots = new Map(tally.manifest.functions.map((one) => [one.name, one.boot_bytes]));
  return tally.mechanisms.flatMap((one) => {
    const { most } = one.sizes;
    if (!most) return [];
    const shown = sizesOf(one, most, boots.get(most.function) ?? 0);
    return shown.length === 0 ? [] : draw(one.run.name, most, shown);
  });
}

function sizesOf({ steps }: MechanismTally, changed: ChangedVm, boot_bytes: number): Sizes[] {
  const around_ms = Math.max(AROUND_MS, (changed.to_ms - changed.from_ms) * AROUND);
  const from_ms = changed.from_ms - around_ms;
  const to_ms = Math.min(changed.to_ms + around_ms, from_ms + SHOWN_MS);
  const vm = steps.vms.find(({ vm_id }) => vm_id === changed.vm_id)?.index;
  const sizes: Sizes[] = [];
  let end_ms = from_ms;
  steps.forEachHeld(from_ms, to_ms, (row, of, start_ms, held_until_ms) => {
    if (of !== vm) return;
    const plugged_bytes = Math.max(0, steps.sizeOf(row, 'plugged_bytes') - boot_bytes);
    const used_bytes = steps.sizeOf(row, 'region_used_bytes');
    sizes.push({ at_ms: start_ms, plugged_bytes, used_bytes });
    end_ms = held_until_ms;
  });
  const last = sizes.at(-1);
  return last ? [...sizes, { ...last, at_ms: end_ms }] : [];
}

function draw(mechanism: string, changed: ChangedVm, sizes: readonly Sizes[]): string {
  const [from_ms, to_ms] = [sizes[0]?.at_ms ?? 0, sizes.at(-1)?.at_ms ?? 1];
  let most_bytes = MIB;
  for (const { plugged_bytes, used_bytes } of sizes) {
    const used = Number.isNaN(used_bytes) ? 0 : used_bytes;
    most_bytes = Math.max(most_bytes, plugged_bytes, used);
  }
  const most_mib = (most_bytes / MIB) * 1.04;
  const toX = (ms: number): number =>
    LEFT + ((ms - from_ms) / Math.max(1, to_ms - from_ms)) * (WIDTH - LEFT - RIGHT);
  const toY = (bytes: number): number => FLOOR - (bytes / MIB / most_mib) * (FLOOR - TOP);
  const [plugged, used] = [new StepPath(), new StepPath()];
  let is_known = false;
  for (const { at_ms, plugged_bytes, used_bytes } of sizes) {
    plugged.add(toX(at_ms), toY(plugged_bytes));
    if (Number.isNaN(used_bytes)) continue;
    is_known = true;
    used.add(toX(at_ms), toY(used_bytes));
  }
  const style = styleOf(mechanism);
  const title = `${mechanism}: plugged against used, ${changed.function}`;
  const { growths, shrinks, opened } = changed;
  const spans = opened > 0 ? `, ${opened} named spans opened` : '';
  const counts = `${growths} growths, ${shrinks} shrinks in use${spans}`;
  const about = `the regions of ${changed.vm_id}; ${counts}`;
  const times = { from_ms, to_ms, left: LEFT, right: WIDTH - RIGHT, top: HEIGHT };
  const lanes = sizeLanes(changed, { ...times, style });
  const body = [
    label('title', { x: LEFT, y: 18 }, title),
    label('', { x: LEFT, y: 34 }, about),
    legend(mechanism),
    ...yAxis(most_mib, toY),
    ...xAxis((to_ms - from_ms) / 1000, (seconds) => toX(from_ms + seconds * 1000)),
    is_known ? fill(style, used.area(FLOOR)) : '',
    stroke(style, plugged.line(), 1.8, ''),
    lanes.body,
  ];
  return svg({ width: WIDTH, height: HEIGHT + lanes.height, title, body: body.join('\n') });
}

function legend(mechanism: string): string {
  const y = 48;
  const style = styleOf(mechanism);
  return (
    stroke(style, `M${LEFT} ${y}h22`, 1.8, '') +
    label('', { x: LEFT + 28, y: y + 4 }, 'plugged') +
    fill(style, `M${LEFT + 96} ${y - 5}h22v10h-22z`) +
    label('', { x: LEFT + 124, y: y + 4 }, "used, by the guest's word")
  );
}

/** In MiB, or in GiB from two of them on. */
function yAxis(most_mib: number, toY: (bytes: number) => number): string[] {
  const unit_bytes = most_mib * MIB >= 2 * GIB ? GIB : MIB;
  const ticks = linearTicks((most_mib * MIB) / unit_bytes, 4).map((size) => {
    const y = toY(size * unit_bytes);
    const text = label('end', { x: LEFT - 8, y: y + 4 }, String(size));
    return line(size === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }) + text;
  });
  const name = unit_bytes === GIB ? 'GiB' : 'MiB';
  return [...ticks, label('end', { x: LEFT - 8, y: TOP - 10 }, name)];
}

function xAxis(most_s: number, toX: (seconds: number) => number): string[] {
  const ticks = linearTicks(most_s, 8).map((seconds) => {
    const x = toX(seconds);
    const from = { x, y: FLOOR };
    const text = label('middle', { x, y: FLOOR + 18 }, String(seconds));
    return line('axis', from, { x, y: FLOOR + 5 }) + text;
  });
  return [...ticks, label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: FLOOR + 36 }, 'seconds')];
}
