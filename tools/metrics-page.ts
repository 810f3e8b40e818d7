/**
 * docs/metrics.md, written from the table of metrics:
 *
 *   node tools/metrics-page.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_LIMITS } from '../agent/limits.ts';
import { METRIC_ROWS, type MetricRow, OTHER_FUNCTIONS } from '../agent/observe/metrics/table.ts';
import { PROJECT_ROOT } from '../base/paths.ts';

export const METRICS_PAGE_PATH = join(PROJECT_ROOT, 'docs', 'metrics.md');

function metricLine({ name, type, labels, help }: MetricRow): string {
  const told = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${type} | ${told} | ${help} |`;
}

/** The whole page. Pure. */
export function renderMetricsPage(): string {
  return [
    '<!-- Written by `node tools/metrics-page.ts`: change the table in the sources, not this page. -->',
    '# Metrics and health of the agent',
    '',
    'With `http_listen` ([configuration.md](configuration.md)) the agent answers over HTTP, on a port of',
    'loopback or on a Unix socket of its own:',
    '',
    '| path | answer |',
    '|---|---|',
    '| `/healthz` | 200 while it decides; 500 after it found a fault of its own |',
    '| `/readyz` | 200 while it serves; 503 with a word on it while it starts (guest images, earlier VMs) and stops |',
    '| `/metrics` | the table below, in the text format of Prometheus; `process_*` and `nodejs_*` of its process too |',
    '| `/live` | a WebSocket: the live state as JSON, a snapshot and then numbered changes (agent/model/live.ts) |',
    '| `/` | a page that draws it: memory over time, regions, operations, refusals; it loads nothing from elsewhere |',
    '| `/dags/NAME` | `POST`: a call of a DAG; the body is the payload of its first stages, and the answer of its last the answer |',
    '| `/functions/NAME` | `POST`: an invocation; the body is its payload, and the answer of the function the answer |',
    '',
    `A reader of \`/live\` who takes nothing for ${AGENT_LIMITS.live_send_ms / 1_000} s, or has ${AGENT_LIMITS.live_messages_behind} messages unread, is closed with 1013 and`,
    `\`HP_AGENT_SLOW_READER\`; there may be ${AGENT_LIMITS.live_readers}. While nobody reads, nothing is made. After a rest a change is told at`,
    `once; what changes meanwhile ${AGENT_LIMITS.live_gather_ms} ms after the message before it, ${AGENT_LIMITS.live_gather_behind_ms} ms while a reader has more than ${AGENT_LIMITS.live_few_behind} unread or the agent is late itself,`,
    `and up to ${AGENT_LIMITS.live_gather_ms_max} ms where messages would take more than ${100 * AGENT_LIMITS.live_share} % of the agent's time.`,
    '',
    'A scrape tells one moment of the state, the same one to all who ask within a second or while it is made;',
    'counters are read as they are when their lines are written.',
    '',
    'A function whose program serves HTTP (`interface: http`) gets any method, and what follows its name in',
    'the path (`/functions/shop/cart?id=1` is its `/cart?id=1`), and answers with its own status and header.',
    'Headers of a request: `hotplane-invocation` (a name for records, told back), `hotplane-timeout-ms`. Errors',
    'are `application/problem+json` with `code`, `category` and `next`; a function that failed has its own',
    'answer in `answer`. A caller that closes its connection ends its invocation, and its instance.',
    '',
    'It is off unless configured: a port of loopback is open to every user of the host, and its socket',
    'is not. Nothing but loopback is taken (there is no password and no TLS), and a request that comes from',
    'a web page of another origin or names another host is refused.',
    '',
    `Every value of a label is from a fixed list, but for \`function\`: ${AGENT_LIMITS.metrics_functions} functions have series`,
    `of their own, and all others share the name \`${OTHER_FUNCTIONS}\`. Times are in seconds and sizes in bytes; what is`,
    'not known has no sample, and is never told as 0. An answer is kept for a second, so that many who',
    'ask cost as much as one.',
    '',
    '| metric | type | labels | what it is |',
    '|---|---|---|---|',
    ...Object.values<MetricRow>(METRIC_ROWS).map(metricLine),
    '',
    'Worth an alert: `hotplane_memory_granted_bytes` close to `hotplane_memory_limit_bytes`,',
    '`hotplane_invocation_oldest_wait_seconds`, the rate of `hotplane_invocation_errors_total` and',
    '`hotplane_reports_total{level="error"}`, the share of `cold="true"`, the upper buckets of',
    '`hotplane_operation_hop_seconds`, `hotplane_unplug_left_bytes_total`,',
    '`hotplane_vms{state="unresponsive"}`, `hotplane_vms{state="lost"}`, `nodejs_eventloop_lag_p99_seconds`.',
    '',
  ].join('\n');
}

if (import.meta.main) await writeFile(METRICS_PAGE_PATH, renderMetricsPage());
