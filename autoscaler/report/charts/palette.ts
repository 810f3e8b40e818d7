/**
 * Colours and line styles of the charts. Mechanisms differ in lightness (so also in print and for
 * people with any colour-vision deficiency) and in dash. Charts carry plain attributes in the light
 * colours, which every viewer knows; a page may replace them by style, since style wins.
 */

import { type MechanismLine, MECHANISMS } from '../../../agent/model/mechanism.ts';

export interface MechanismStyle extends MechanismLine {
  /** CSS class; on a page its colour is a custom property of {@link chartStyle}. */
  readonly class_name: string;
}

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

/** Colours that belong to no mechanism. */
export const LIGHT = {
  ink: '#1b2330',
  soft: '#5b6678',
  faint: '#d9dee7',
  paper: '#ffffff',
  band: '#f4f6f9',
} as const;
export const DARK: Readonly<Record<keyof typeof LIGHT, string>> = {
  ink: '#e6eaf1',
  soft: '#9aa6b8',
  faint: '#2c3543',
  paper: '#11161e',
  band: '#18202b',
};

export const FONT = 'system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif';

function variables(colours: typeof DARK, set: 'light' | 'dark'): string {
  const own = Object.entries(colours).map(([name, value]) => `--${name}: ${value};`);
  const mechanisms = allStyles().map((one) => `--${one.class_name}: ${one[set]};`);
  return [...own, ...mechanisms].join(' ');
}

/** Of a page with charts: light on screen and paper, dark on a screen whose reader asks for it. */
export const chartStyle = (): string => `:root { ${variables(LIGHT, 'light')} }
@media screen and (prefers-color-scheme: dark) { :root { ${variables(DARK, 'dark')} } }
.chart text { fill: var(--soft); }
.chart .title { fill: var(--ink); }
.chart .grid { stroke: var(--faint); }
.chart .axis { stroke: var(--soft); }
.chart .line { stroke: currentColor; }
.chart .area, .chart .dot { fill: currentColor; }
${allStyles()
  .map(({ class_name }) => `.${class_name} { color: var(--${class_name}); }`)
  .join(' ')}
.soft { color: var(--soft); }
`;
