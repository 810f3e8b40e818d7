/** The page's figures, functions, refusals and reports, as HTML. Pure. */
import { escapeText } from '../../base/chart/svg.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import type { Cordon } from '../model/host-messages.ts';
import { keyed, keyedBytes } from './figure.ts';
import { PAGE_LIMITS } from './limits.ts';
import type { PageModel } from './model.ts';
import { functionStyle } from './styles.ts';
import { largestFirst, residentOf, type VmTotals, totalOf } from './totals.ts';

type ByFunction = ReadonlyMap<string, VmTotals>;

function card(title: string, value: string, note = ''): string {
  const more = note === '' ? '' : `<small>${note}</small>`;
  return `<div class="card"><span>${title}</span>${value}${more}</div>`;
}

/** What the host has given out, and what runs on it. */
export function renderFigures(model: PageModel, totals: ByFunction): string {
  const { host } = model;
  if (!host) return '';
  const sum = totalOf(totals.values());
  const known = sum.vms - sum.resident_unknown;
  const resident = sum.resident_unknown > 0 && known === 0 ? null : sum.resident_bytes;
  const share = host.limit_bytes > 0 ? (100 * host.granted_bytes) / host.limit_bytes : 0;
  let queued = 0;
  for (const fn of model.functions.values()) queued += fn.queued;
  const { instances } = sum;
  const all = instances.starting + instances.busy + instances.idle + instances.stopping;
  return [
    card(
      'granted',
      keyedBytes('granted_bytes', host.granted_bytes),
      `${share.toFixed(0)} % of ${keyedBytes('host_limit_bytes', host.limit_bytes)}` +
        `<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none"><rect class="rest" width="100" height="4"/>` +
        `<rect class="${share > 90 ? 'r-stuck' : 'r-busy'}" fill="currentColor" width="${Math.min(100, share).toFixed(1)}" height="4"/></svg>`,
    ),
    card('free', keyedBytes('free_bytes', host.free_bytes), 'by the book'),
    card('in regions', keyedBytes('permits_bytes', sum.permits_bytes), 'permits now'),
    card(
      'resident',
      keyedBytes('resident_bytes', resident),
      sum.resident_unknown === 0 ? "the host's word" : `of ${known} of ${sum.vms} VMs`,
    ),
    card('VMs', keyed('vms', sum.vms, String(sum.vms)), `${model.functions.size} functions`),
    card(
      'instances',
      keyed('instances', all, String(all)),
      `${keyed('instances_busy', instances.busy, String(instances.busy))} busy, ${instances.idle} idle`,
    ),
    card('queued', keyed('queued', queued, String(queued)), 'invocations'),
    card(
      'resizes',
      keyed('operations', model.operations.size, String(model.operations.size)),
      'under way',
    ),
  ].join('');
}

/** The largest functions first, of those whose name has `filter` in it. */
export function renderFunctions(model: PageModel, totals: ByFunction, filter: string): string {
  const found = largestFirst(totals).filter(([name]) => name.includes(filter));
  const rows = found.slice(0, PAGE_LIMITS.function_rows).map(([name, one]) => {
    const fn = model.functions.get(name);
    const colour = functionStyle(model.history.colourOf(name)).class_name;
    const resident = residentOf(one);
    const { busy, idle, starting, stopping } = one.instances;
    const cells = [
      `${fn?.phase === 'serving' ? '' : `<em>${escapeText(fn?.phase ?? 'unknown')}</em> `}${one.vms}`,
      `${busy} / ${idle}`,
      `${starting} / ${stopping}`,
      keyed(`queued:${name}`, fn?.queued ?? null, String(fn?.queued ?? '–')),
      keyedBytes(`permits_bytes:${name}`, one.permits_bytes),
      formatBytes(one.plugged_bytes),
      resident === null ? '–' : formatBytes(resident),
    ];
    return (
      `<tr><td><i class="dot ${colour}"></i>${escapeText(name)}</td>` +
      `${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
    );
  });
  const more = found.length - rows.length;
  const note = more > 0 ? `<p class="note">and ${more} more functions: filter by name.</p>` : '';
  const names = ['VMs', 'busy / idle', 'starting / stopping', 'queued', 'in regions', 'plugged'];
  const head = [...names, 'resident'].map((name) => `<th>${name}</th>`).join('');
  return (
    `<div class="scroll"><table><thead><tr><th>function</th>${head}</tr></thead>` +
    `<tbody>${rows.join('')}</tbody></table></div>${note}`
  );
}

/** What presses on the host, what was refused, and what an operator should read. */
export function renderTroubles(model: PageModel, totals: ByFunction): string {
  const sum = totalOf(totals.values());
  let oldest_ms = 0;
  for (const { oldest_received_at_ms } of model.functions.values()) {
    if (oldest_received_at_ms === null) continue;
    oldest_ms = Math.max(oldest_ms, model.at_ms - oldest_received_at_ms);
  }
  const waits = oldest_ms > 0 ? `the longest wait is ${formatMs(oldest_ms)}` : 'nobody waits';
  const earlier_bytes = model.host?.earlier_bytes ?? 0;
  const cordon = model.host?.cordon ?? null;
  const pressure = [
    ...(cordon ? [cordonText(cordon)] : []),
    `${waits}; ${sum.stuck} regions that an unplug left bytes in`,
    ...(earlier_bytes > 0 ? [`${formatBytes(earlier_bytes)} held by VMs of an earlier agent`] : []),
    ...(model.dropped > 0 ? [`${model.dropped} records are missing here`] : []),
  ];
  const refused = [...model.refused.values()]
    .toReversed()
    .map(
      ({ what, function: name, outcome, code, count, last_at_ms }) =>
        `<tr><td>${escapeText(code)}</td><td class="text">${what} ${escapeText(outcome)}</td><td class="text">${escapeText(name)}</td>` +
        `<td>${count}</td><td>${ago(model.at_ms - last_at_ms)}</td></tr>`,
    );
  const reports = model.reports
    .toReversed()
    .map(
      ({ level, code, vm_id, message, at_ms }) =>
        `<li class="${level}"><b>${escapeText(code)}</b> ${escapeText(vm_id)} ` +
        `${escapeText(message)} <small>${ago(model.at_ms - at_ms)}</small></li>`,
    );
  const failures = [...model.functions.values()]
    .filter(({ last_failure }) => last_failure !== null)
    .slice(0, PAGE_LIMITS.function_rows)
    .map(
      ({ name, last_failure }) =>
        `<li class="error"><b>${escapeText(last_failure?.code ?? '')}</b> ${escapeText(name)}: ` +
        `${escapeText(last_failure?.message ?? '')}</li>`,
    );
  const table =
    refused.length === 0
      ? '<p class="note">nothing was refused since this page was opened</p>'
      : `<div class="scroll"><table><thead><tr><th>refused or failed</th><th class="text">what</th><th class="text">function</th>` +
        `<th>times</th><th>last</th></tr></thead><tbody>${refused.join('')}</tbody></table></div>`;
  const list = [...failures, ...reports].join('');
  return `<p>${pressure.map(escapeText).join('; ')}.</p>${table}${list === '' ? '' : `<ul class="reports">${list}</ul>`}`;
}

/** An older agent does not tell of it. */
function cordonText({ availability, author, reason, since }: Cordon): string {
  const why = reason === '' ? '' : ` (${reason})`;
  return `the host is ${availability} by ${author || 'somebody'} since ${since}${why}`;
}

const ago = (ms: number): string =>
  ms < 1_000 ? 'now' : `${formatMs(Math.round(ms / 1_000) * 1_000)} ago`;

/** Which colour is whose. */
export function renderLegend(model: PageModel): string {
  const names = model.history.coloured.flatMap((name, index) => {
    return name === null || !model.functions.has(name) ? [] : [{ name, index }];
  });
  const known = new Set(names.map(({ name }) => name));
  const others = [...model.functions.keys()].filter((name) => !known.has(name)).length;
  const drawn = names.map(({ name, index }) => entry(index, name));
  if (others > 0) drawn.push(entry(null, `${others} other${others === 1 ? '' : 's'}`));
  return drawn.join('');
}

const entry = (colour: number | null, text: string): string =>
  `<span><i class="dot ${functionStyle(colour).class_name}"></i>${escapeText(text)}</span>`;
