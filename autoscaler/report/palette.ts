/**
 * Colours and line styles of the charts. Every mechanism has a colour that is told apart by people
 * with any of the common colour-vision deficiencies, and a dash of its own where lines cross.
 */

export interface MechanismStyle {
  /** CSS class; its colour is a custom property of {@link CHART_STYLE}. */
  readonly class_name: string;
  readonly dash: string;
}

const KNOWN: ReadonlyMap<string, MechanismStyle> = new Map([
  ['static', { class_name: 'm-static', dash: '' }],
  ['virtio-mem', { class_name: 'm-virtio-mem', dash: '8 3' }],
  ['numa', { class_name: 'm-numa', dash: '2 3' }],
  ['hotmem', { class_name: 'm-hotmem', dash: '' }],
  ['balloon', { class_name: 'm-balloon', dash: '8 3 2 3' }],
]);

export function styleOf(mechanism: string): MechanismStyle {
  return KNOWN.get(mechanism) ?? { class_name: 'm-other', dash: '1 2' };
}

const LIGHT = `
  --ink: #1b2330; --soft: #5b6678; --faint: #d9dee7; --paper: #ffffff; --band: #f4f6f9;
  --static: #6b7280; --virtio-mem: #c2570c; --numa: #2563c9; --hotmem: #08795a;
  --balloon: #9c3a96; --other: #444;`;
const DARK = `
  --ink: #e6eaf1; --soft: #9aa6b8; --faint: #2c3543; --paper: #11161e; --band: #18202b;
  --static: #a3acba; --virtio-mem: #f2984f; --numa: #7fabff; --hotmem: #3fd6a6;
  --balloon: #e290dc; --other: #bbb;`;

/** Style of the charts, for the page and for an SVG that stands alone. */
export const CHART_STYLE = `:root {${LIGHT}
}
@media (prefers-color-scheme: dark) { :root {${DARK}
} }
.chart { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.chart text { fill: var(--soft); }
.chart .title { fill: var(--ink); font-weight: 600; font-size: 13px; }
.chart .grid { stroke: var(--faint); stroke-width: 1; }
.chart .axis { stroke: var(--soft); stroke-width: 1; }
.chart .line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.chart .thin { stroke-width: 1.2; }
.chart .area { fill: currentColor; fill-opacity: 0.28; stroke: none; }
.chart .end { text-anchor: end; }
.chart .middle { text-anchor: middle; }
.m-static { color: var(--static); } .m-virtio-mem { color: var(--virtio-mem); }
.m-numa { color: var(--numa); } .m-hotmem { color: var(--hotmem); }
.m-balloon { color: var(--balloon); } .m-other { color: var(--other); }
.soft { color: var(--soft); }
`;
