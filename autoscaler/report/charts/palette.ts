/**
 * Colours and line styles of the charts. Mechanisms differ in lightness (so also in print and for
 * people with any colour-vision deficiency) and in dash. Charts carry plain attributes in the light
 * colours, which every viewer knows; a page may replace them by style, since style wins.
 */

import { type MechanismLine, MECHANISMS } from '../../../agent/model/mechanism.ts';
import { type LineStyle, themeStyle } from '../../../base/chart/colours.ts';

export type MechanismStyle = LineStyle & MechanismLine;

const OTHER: MechanismStyle = {
  class_name: 'm-other',
  dash: '1 2',
  light: '#6b6b6b',
  dark: '#bbbbbb',
};

/** The style of a mechanism. One that is not known, as in a folder of another version, has one. */
export function styleOf(mechanism: string): MechanismStyle {
  const found = MECHANISMS.find(mechanism);
  return found ? { class_name: `m-${found.name}`, ...found.line } : OTHER;
}

function allStyles(): MechanismStyle[] {
  return [...MECHANISMS.names.map(styleOf), OTHER];
}

/** Lines that stand for no mechanism, as of policies: told apart by lightness and by dash. */
const LINES: readonly (readonly [colour: string, dash: string])[] = [
  ['#1f51b0', ''],
  ['#c2570c', '7 3'],
  ['#0b6b4f', '2 3'],
  ['#8b929c', '14 4'],
  ['#7a1fa2', '9 3 2 3'],
  ['#1b2330', '4 2'],
];

/** The style of the line of that number; from the seventh on they begin anew. */
export function lineStyle(index: number): MechanismStyle {
  const [light = '', dash = ''] = LINES[index % LINES.length] ?? [];
  return { class_name: `line-${index}`, dash, light, dark: light };
}

/** Of a page with charts of mechanisms. */
export const chartStyle = (): string => themeStyle(allStyles());
