/** Colours of what the page draws, in light and in dark. Pure. */
import type { LineStyle } from '../../base/chart/colours.ts';
import { PAGE_LIMITS } from './limits.ts';

const FUNCTIONS: readonly (readonly [light: string, dark: string])[] = [
  ['#1f51b0', '#7aa5ff'],
  ['#c2570c', '#ff9a52'],
  ['#0b6b4f', '#4fcf9f'],
  ['#7a1fa2', '#cf8cf2'],
  ['#a8862b', '#e3c25f'],
  ['#0f7d9c', '#5cc9e6'],
  ['#b3325f', '#ff86ac'],
];

const style = (class_name: string, light: string, dark: string): LineStyle => {
  return { class_name, dash: '', light, dark };
};

const OTHERS = style('f-other', '#8b929c', '#7c8798');

/** The colour of that number; null: of all functions that have none of their own. */
export function functionStyle(index: number | null): LineStyle {
  const colours = index === null ? undefined : FUNCTIONS[index];
  return colours ? style(`f-${index}`, ...colours) : OTHERS;
}

/** What becomes of a region. */
export const REGION_STYLES = {
  busy: style('r-busy', '#1f51b0', '#7aa5ff'),
  idle: style('r-idle', '#8fb0e8', '#46669f'),
  ready: style('r-ready', '#0b6b4f', '#4fcf9f'),
  moving: style('r-moving', '#c2570c', '#ff9a52'),
  stuck: style('r-stuck', '#b3261e', '#ff7b72'),
} as const;

/** What an operation is on its way to, in words for the legend. */
export const HOP_STYLES = {
  requested: { ...style('h-requested', '#b9c3d3', '#4a586d'), words: 'until sent to the VMM' },
  accepted: { ...style('h-accepted', '#c2570c', '#ff9a52'), words: 'until it accepted' },
  plugged: { ...style('h-plugged', '#1f51b0', '#7aa5ff'), words: 'until plugged = requested' },
  resident: { ...style('h-resident', '#0b6b4f', '#4fcf9f'), words: 'until the host had it back' },
} as const;

const BAD = style('bad', '#b3261e', '#ff7b72');
export const LIMIT_LINE: LineStyle = { ...style('limit', '#b3261e', '#ff7b72'), dash: '4 3' };

/** Every style of the page. */
export const PAGE_STYLES: readonly LineStyle[] = [
  ...Array.from({ length: PAGE_LIMITS.colours }, (_, index) => functionStyle(index)),
  OTHERS,
  ...Object.values(REGION_STYLES),
  ...Object.values(HOP_STYLES),
  BAD,
  LIMIT_LINE,
];
