/**
 * What all charts and pages look like: their colours, in light and in dark, and the font. Charts
 * carry plain attributes in the light colours, which every viewer knows; a page may replace them
 * by style, since style wins. Pure.
 */

/** Line and colours of one thing that is drawn. */
export interface LineStyle {
  /** CSS class; on a page its colour is a custom property of {@link themeStyle}. */
  readonly class_name: string;
  /** Value of stroke-dasharray; empty: a whole line. */
  readonly dash: string;
  /** On white, and on the dark page. */
  readonly light: string;
  readonly dark: string;
}

/** Colours of what is no one thing's. */
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

function variables(
  colours: typeof DARK,
  styles: readonly LineStyle[],
  set: 'light' | 'dark',
): string {
  const own = Object.entries(colours).map(([name, value]) => `--${name}: ${value};`);
  const drawn = styles.map((one) => `--${one.class_name}: ${one[set]};`);
  return [...own, ...drawn].join(' ');
}

/** Of a page with charts: light on screen and paper, dark on a screen whose reader asks for it. */
export const themeStyle = (
  styles: readonly LineStyle[],
): string => `:root { ${variables(LIGHT, styles, 'light')} }
@media screen and (prefers-color-scheme: dark) { :root { ${variables(DARK, styles, 'dark')} } }
.chart text { fill: var(--soft); }
.chart .title { fill: var(--ink); }
.chart .grid { stroke: var(--faint); }
.chart .axis { stroke: var(--soft); }
.chart .line { stroke: currentColor; }
.chart .area, .chart .dot { fill: currentColor; }
${styles.map(({ class_name }) => `.${class_name} { color: var(--${class_name}); }`).join(' ')}
.soft { color: var(--soft); }
`;
