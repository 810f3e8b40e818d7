/** Style of report.html; the colours come from the charts' own style. */
export const PAGE_STYLE = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 44px 0 10px; }
p { margin: 8px 0; max-width: 76ch; }
.lead { color: var(--soft); margin-bottom: 20px; }
.warning { border-left: 4px solid var(--m-virtio-mem); background: var(--band);
  padding: 10px 14px; margin: 16px 0; border-radius: 4px; }
.cards { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); }
.card { background: var(--band); border-radius: 8px; padding: 14px 16px;
  border-top: 4px solid currentColor; }
.card > * { color: var(--ink); }
.card .name { font-weight: 600; }
.card .figure { font-size: 26px; font-weight: 650; line-height: 1.2; margin-top: 6px;
  font-variant-numeric: tabular-nums; }
.card .note { color: var(--soft); font-size: 13px; }
.bar { height: 8px; border-radius: 4px; background: var(--faint); margin: 10px 0 8px; }
.bar > i { display: block; height: 100%; border-radius: 4px; background: currentColor; }
.card .bar { color: inherit; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td > small { display: block; color: var(--soft); font-size: 11.5px; white-space: normal;
  max-width: 170px; margin-left: auto; }
thead th { border-bottom: 2px solid var(--ink); }
tbody th { text-align: left; color: var(--soft); font-weight: 600; font-size: 13px;
  padding-top: 16px; border-bottom: 1px solid var(--faint); }
tbody td { border-bottom: 1px solid var(--faint); }
.indent { padding-left: 26px; }
.charts { display: grid; gap: 8px 20px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.charts > * { min-width: 0; }
.chart { display: block; width: 100%; height: auto; min-width: 360px; }
.wide .chart { min-width: 760px; }
.uncompared { border-top-style: dashed; } .uncompared .figure { color: var(--soft); }
.notes { max-width: 90ch; padding-left: 20px; color: var(--soft); font-size: 14px; }
.notes li { margin: 4px 0; }
dl { display: grid; grid-template-columns: minmax(150px, max-content) 1fr; gap: 4px 18px; margin: 8px 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, monospace; }
footer { margin-top: 48px; color: var(--soft); font-size: 13px; }
@media (max-width: 560px) { .charts { grid-template-columns: 1fr; } main { padding: 20px 14px; }
  td:first-child { position: sticky; left: 0; background: var(--paper); white-space: normal; min-width: 110px; }
  tbody th { white-space: normal; } th, td { padding: 5px 6px; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
@media print { main { max-width: none; } .scroll { overflow: visible; } table { font-size: 8pt; } td, th { white-space: normal; padding: 2px 5px; } .chart, .wide .chart { min-width: 0; } .card, svg, tr { break-inside: avoid; } }
`;
