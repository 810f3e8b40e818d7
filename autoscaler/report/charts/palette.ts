/**
 * Colours and line styles of the charts. Mechanisms differ in lightness (so also in print and for
 * people with any colour-vision deficiency) and in dash. Charts carry plain attributes in the light
 * colours, which every viewer knows; a page may replace them by style, since style wins.
 */

export interface MechanismStyle {
  /** CSS class; on a page its colour is a custom property of {@link CHART_STYLE}. */
  readonly class_name: string;
  /** Value of stroke-dasharray; empty: a whole line. */
  readonly dash: string;
  /** On white, and on the dark page. */
  readonly light: string;
  readonly dark: string;
}

const OTHER: MechanismStyle = {
  class_name: 'm-other',
  dash: '1 2',
  light: '#6b6b6b',
  dark: '#bbbbbb',
};

/** Ascending lightness steps of at least 9 (CIE L*) in either set. */
export const MECHANISM_STYLES: ReadonlyMap<string, MechanismStyle> = new Map([
  ['static', { class_name: 'm-static', dash: '14 4', light: '#8b929c', dark: '#8a93a3' }],
  ['virtio-mem', { class_name: 'm-virtio-mem', dash: '7 3', light: '#c2570c', dark: '#e8914a' }],
  ['numa', { class_name: 'm-numa', dash: '2 3', light: '#1f51b0', dark: '#9fc0ff' }],
  ['hotmem', { class_name: 'm-hotmem', dash: '', light: '#064a37', dark: '#8ff5d2' }],
  ['balloon', { class_name: 'm-balloon', dash: '8 3 2 3', light: '#4a1048', dark: '#a860b8' }],
]);

export function styleOf(mechanism: string): MechanismStyle {
  return MECHANISM_STYLES.get(mechanism) ?? OTHER;
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
  const styles = [...MECHANISM_STYLES.values(), OTHER];
  const mechanisms = styles.map((one) => `--${one.class_name}: ${one[set]};`);
  return [...own, ...mechanisms].join(' ');
}

/** Of a page with charts: light on screen and paper, dark on a screen whose reader asks for it. */
export const CHART_STYLE = `:root { ${variables(LIGHT, 'light')} }
@media screen and (prefers-color-scheme: dark) { :root { ${variables(DARK, 'dark')} } }
.chart text { fill: var(--soft); }
.chart .title { fill: var(--ink); }
.chart .grid { stroke: var(--faint); }
.chart .axis { stroke: var(--soft); }
.chart .line { stroke: currentColor; }
.chart .area, .chart .dot { fill: currentColor; }
${[...MECHANISM_STYLES.values(), OTHER]
  .map(({ class_name }) => `.${class_name} { color: var(--${class_name}); }`)
  .join(' ')}
.soft { color: var(--soft); }
`;
