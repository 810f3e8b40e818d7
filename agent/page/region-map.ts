/** Each VM's regions as a map: a cell each, filled as far as it is plugged. Pure. */
import { escapeText, px } from '../../base/chart/svg.ts';
import { formatBytes } from '../../base/units.ts';
import type { LiveRegion } from '../model/live.ts';
import { PAGE_LIMITS } from './limits.ts';
import type { PageModel, PageVm } from './model.ts';
import { functionStyle, REGION_STYLES } from './styles.ts';
import { isStuck } from './totals.ts';

type RegionLook = keyof typeof REGION_STYLES | 'empty';

/** In words, for the legend. */
export const REGION_WORDS: Readonly<Record<RegionLook, string>> = {
  busy: 'held by a busy instance',
  idle: 'held by an idle one',
  moving: 'being resized',
  ready: 'plugged ahead of a start',
  stuck: 'left behind by an unplug',
  empty: 'unplugged',
};

/** What a region looks like. */
function lookOf(region: LiveRegion): RegionLook {
  if (region.operation_id !== null) return 'moving';
  if (isStuck(region)) return 'stuck';
  if (region.plugged_bytes === 0) return 'empty';
  if (region.instance_id === null) return 'ready';
  return region.instance_phase === 'busy' ? 'busy' : 'idle';
}

/** vm9 is before vm10. */
const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** VMs of functions whose name has `filter` in it, function by function. */
export function renderMap(model: PageModel, filter: string): string {
  const vms = [...model.vms.values()]
    .filter((vm) => vm.function.includes(filter))
    .toSorted((a, b) => inOrder(a.function, b.function) || inOrder(a.id, b.id));
  const shown = vms.slice(0, PAGE_LIMITS.vms);
  let regions = 0;
  for (const vm of shown) regions += vm.region_count;
  const cell = regions <= 512 ? 14 : regions <= 4_096 ? 10 : 5;
  const more = vms.length - shown.length;
  const note = more > 0 ? `<p class="note">and ${more} more VMs: filter by function.</p>` : '';
  if (shown.length === 0) return '<p class="note">no VM</p>';
  const drawn = shown.map((vm) => renderVm(model, vm, cell)).join('');
  return `<div class="map">${drawn}</div>${note}`;
}

function renderVm(model: PageModel, vm: PageVm, cell: number): string {
  const limit_bytes = model.functions.get(vm.function)?.limit_bytes ?? 0;
  const columns = Math.min(vm.region_count, cell > 5 ? 8 : 32);
  const rows = Math.ceil(vm.region_count / Math.max(1, columns));
  const cells = vm.regions.map((region) => {
    const x = (region.index % columns) * cell;
    const y = Math.floor(region.index / columns) * cell;
    return renderRegion(vm, region, { x, y, size: cell - 2 }, limit_bytes);
  });
  const width = Math.max(1, columns) * cell;
  const height = Math.max(1, rows) * cell;
  const phase = vm.phase === 'running' ? '' : ` <em>${escapeText(vm.phase)}</em>`;
  const colour = functionStyle(model.history.colourOf(vm.function)).class_name;
  return (
    `<figure class="vm" data-vm="${escapeText(vm.id)}"><figcaption title="${escapeText(vm.function)}"><i class="dot ${colour}"></i>` +
    `${escapeText(vm.id)} <span>${escapeText(shortName(vm.function))}</span>${phase}</figcaption>` +
    `<svg width="${width}" height="${height}" viewBox="-1 -1 ${width} ${height}" role="img" ` +
    `aria-label="regions of ${escapeText(vm.id)}">${cells.join('')}</svg></figure>`
  );
}

/** Its begin and its end: names of one family differ there. */
function shortName(name: string): string {
  return name.length <= 15 ? name : `${name.slice(0, 5)}…${name.slice(-9)}`;
}

function renderRegion(
  vm: PageVm,
  region: LiveRegion,
  { x, y, size }: { readonly x: number; readonly y: number; readonly size: number },
  limit_bytes: number,
): string {
  const look = lookOf(region);
  const whole_bytes = Math.max(limit_bytes, region.plugged_bytes, region.target_bytes, 1);
  const height = (region.plugged_bytes / whole_bytes) * size;
  const outline = look === 'moving' || look === 'stuck' ? ` class="outline r-${look}"` : '';
  const frame = `<rect${outline || ' class="cell"'} x="${x}" y="${y}" width="${size}" height="${size}"/>`;
  const filled =
    height > 0
      ? `<rect class="full r-${look}" x="${x}" y="${px(y + size - height)}" width="${size}" height="${px(height)}"/>`
      : '';
  const name = escapeText(`${vm.id}/${region.id}`);
  return `<g data-region="${name}"><title>${escapeText(told(region, look))}</title>${filled}${frame}</g>`;
}

function told(region: LiveRegion, look: RegionLook): string {
  const { id, plugged_bytes, used_bytes, instance_id, span, target_bytes } = region;
  const used = used_bytes === null ? '' : `, ${formatBytes(used_bytes)} used`;
  const towards = look === 'moving' ? `, going to ${formatBytes(target_bytes)}` : '';
  const of_span = span === null ? '' : `, span ${span}`;
  const holder = instance_id === null ? '' : `, ${instance_id}${of_span}`;
  return `${id}: ${REGION_WORDS[look]}, ${formatBytes(plugged_bytes)} plugged${used}${towards}${holder}`;
}
