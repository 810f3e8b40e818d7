/** The page as it is served: its frame and style; its program fills it. Pure. */
import { themeStyle } from '../../base/chart/colours.ts';
import { REGION_WORDS } from './region-map.ts';
import { HOP_STYLES, PAGE_STYLES } from './styles.ts';

/** What the browser may load and do: what this agent serves, and nothing else. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const STYLE = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 18px 20px 48px; }
header { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: baseline; margin-bottom: 12px; }
h1 { font-size: 20px; margin: 0; } h2 { font-size: 15px; margin: 26px 0 8px; }
header small { color: var(--soft); } .grow { flex: 1; }
#connection { font-size: 13px; } #connection::before { content: "● "; }
#connection.live::before { color: var(--r-ready); } #connection.paused::before { color: var(--r-moving); }
#connection.lost, #connection.lost::before { color: var(--bad); }
button, input { font: inherit; color: inherit; background: var(--band); border: 1px solid var(--faint);
  border-radius: 5px; padding: 2px 9px; min-width: 0; }
#figures { display: grid; gap: 8px; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); }
.card { background: var(--band); border-radius: 7px; padding: 9px 12px; }
.card > span { color: var(--soft); font-size: 12px; display: block; }
.card > b { display: block; font-size: 19px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card small { color: var(--soft); font-size: 12px; } .card small b { font-weight: 500; }
.bar { display: block; width: 100%; height: 4px; margin-top: 5px; } .bar .rest, .share .rest { fill: var(--faint); }
.share { vertical-align: -1px; } .share .mark { stroke: var(--ink); stroke-width: 1.5; }
#memory { display: grid; gap: 6px 18px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
#lineage, #timeline { display: grid; gap: 6px 24px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.chart { display: block; width: 100%; height: auto; }
#memory .area { fill-opacity: 0.88; } .area { fill-opacity: 1; } .chart .bad-text { fill: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; color: var(--soft); font-size: 12.5px; margin: 4px 0 8px; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 2px; background: currentColor; margin-right: 5px; }
.map { display: grid; grid-template-columns: repeat(auto-fill, minmax(158px, 1fr)); gap: 10px 12px; align-items: start; }
.vm { margin: 0; min-width: 0; } .vm svg { display: block; }
figcaption { font-size: 11.5px; line-height: 1.5; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
figcaption span { color: var(--soft); } em { color: var(--bad); font-style: normal; }
.cell { fill: none; stroke: var(--faint); } .full { fill: currentColor; }
.outline { fill: none; stroke: currentColor; stroke-width: 1.6; } .full.r-moving { fill-opacity: 0.35; }
.key { width: 11px; height: 11px; display: inline-block; vertical-align: -1px; margin-right: 5px; border: 1px solid var(--faint); }
.key.full { background: currentColor; border-color: currentColor; } .key.outline { border: 2px solid currentColor; background: none; }
[data-region], .tenure { cursor: pointer; } .tenure .row { fill: transparent; }
.tenure .chosen { fill: var(--band); stroke: var(--faint); } .tenure:focus { outline: 1px solid currentColor; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--faint); }
th { color: var(--soft); font-weight: 500; } td b { font-weight: 400; } .text { text-align: left; }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--paper);
  max-width: 46vw; overflow: hidden; text-overflow: ellipsis; }
.note { color: var(--soft); font-size: 13px; margin: 6px 0; }
.reports { padding-left: 0; list-style: none; font-size: 13px; } .reports li { margin: 3px 0; overflow-wrap: anywhere; }
.reports b { font-weight: 600; } .reports .error b { color: var(--bad); } .reports .warn b { color: var(--r-moving); }
.reports small { color: var(--soft); }
@media (max-width: 560px) { main { padding: 12px 12px 36px; } #figures { grid-template-columns: 1fr 1fr; } th, td { padding: 3px 6px; } }
`;

export const pageStyle = (): string => `${themeStyle(PAGE_STYLES)}${STYLE}`;

/** Of the bars of a region's holders. */
const TENURE_WORDS = {
  busy: 'an invocation runs',
  idle: 'held, nothing runs',
  moving: 'until unplugged',
} as const;

/** `program`: where its program lies. */
export function renderFrame(program: string): string {
  const regions = Object.entries(REGION_WORDS).map(([look, words]) => {
    const kind = look === 'moving' ? 'outline' : look === 'empty' ? '' : 'full';
    return `<span><i class="key ${kind} r-${look}"></i>${words}</span>`;
  });
  const tenures = (['busy', 'idle', 'moving'] as const)
    .map((look) => `<span><i class="key full r-${look}"></i>${TENURE_WORDS[look]}</span>`)
    .join('');
  const hops = Object.values(HOP_STYLES).map(
    ({ class_name, words }) => `<span><i class="dot ${class_name}"></i>${words}</span>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>hotplane agent</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page/style.css">
<script type="module" src="${program}"></script>
</head>
<body><main>
<header><h1>hotplane agent</h1><small id="version"></small><span id="connection" class="lost">connecting</span>
<span class="grow"></span><input id="filter" placeholder="filter by function" aria-label="filter by function" size="16">
<button id="pause">pause</button></header>
<div id="figures"></div>
<h2>Host memory, by function</h2>
<div id="legend" class="legend"></div>
<div id="memory"></div>
<h2>Operations</h2>
<div class="legend"><span>▲ plug</span><span>▼ unplug</span>${hops.join('')}</div>
<div id="timeline"></div>
<h2>Refusals and pressure</h2>
<div id="troubles"></div>
<h2>Functions</h2>
<div id="functions"></div>
<div id="elastic"></div>
<h2>Regions of each VM</h2>
<div class="legend">${regions.join('')}</div>
<div id="map"></div>
<h2>Who had a region <input id="region" placeholder="vm1/r0" aria-label="region" size="10"></h2>
<div class="legend">${tenures}</div>
<div id="lineage"></div>
<noscript>This page draws what the agent tells, which takes JavaScript.</noscript>
</main></body>
</html>
`;
}
