/** The page's own program: reads the live state, and draws what changed, a few times a second. */
import type { LiveMessage } from '../model/live.ts';
import type { Lineage } from '../model/lineage.ts';
import { elasticTables } from './elastic.ts';
import { PAGE_LIMITS } from './limits.ts';
import { renderLineage } from './lineage.ts';
import { renderMemory } from './memory-chart.ts';
import { PageModel } from './model.ts';
import { renderMap } from './region-map.ts';
import { renderFigures, renderFunctions, renderLegend, renderTroubles } from './tables.ts';
import { renderHops, renderTimeline } from './timeline.ts';
import { totalsByFunction } from './totals.ts';

/** As much of a browser as is used here. */
interface Part {
  innerHTML: string;
  textContent: string | null;
  value: string;
  className: string;
  addEventListener(name: string, run: (event: PageEvent) => void): void;
  scrollIntoView(options: { readonly block: string }): void;
}
interface PageEvent {
  readonly key?: string;
  readonly target: {
    closest(selector: string): { readonly dataset: Readonly<Record<string, string>> } | null;
  };
}
declare const document: { getElementById(id: string): Part; readonly hidden: boolean };
declare const location: { readonly host: string };

const DRAW_MS = 500;
const RETRY_MS_MAX = 10_000;

const model = new PageModel();
const drawn = new Map<string, string>();
const filter = document.getElementById('filter');
const region_input = document.getElementById('region');
const pause = document.getElementById('pause');
let is_paused = false;
let retry_ms = 500;
/** When the newest message came, by the clock of the page. */
let heard_ms = 0;

function put(id: string, html: string): void {
  if (drawn.get(id) === html) return;
  drawn.set(id, html);
  document.getElementById(id).innerHTML = html;
}

function say(state: 'live' | 'paused' | 'lost', text: string): void {
  const line = document.getElementById('connection');
  line.textContent = text;
  line.className = state;
}

function draw(): void {
  if (!model.is_ready) return;
  const totals = totalsByFunction(model);
  // An agent in which nothing happens says nothing: time goes on all the same.
  const now_ms = model.at_ms + Math.max(0, performance.now() - heard_ms);
  const is_sampled = model.history.add(now_ms, model.host?.limit_bytes ?? 0, totals);
  if (is_paused || document.hidden) return;
  put('figures', renderFigures(model, totals));
  if (is_sampled) put('memory', renderMemory(model.history).join(''));
  put('legend', renderLegend(model));
  put('functions', renderFunctions(model, totals, filter.value));
  put('elastic', elasticTables(model, filter.value));
  put('map', renderMap(model, filter.value));
  put('timeline', renderTimeline(model) + renderHops(model));
  put('troubles', renderTroubles(model, totals));
  document.getElementById('version').textContent = model.version;
}

function connect(): void {
  const socket = new WebSocket(`ws://${location.host}/live`);
  socket.addEventListener('message', ({ data }) => {
    const message: LiveMessage = JSON.parse(String(data));
    heard_ms = performance.now();
    const wrong = model.take(message);
    if (wrong !== null) return socket.close(4000, wrong.slice(0, 100));
    if (message.type !== 'ready') return;
    retry_ms = 500;
    say(is_paused ? 'paused' : 'live', is_paused ? 'paused' : 'live');
    draw();
  });
  socket.addEventListener('close', ({ reason }) => {
    const why = reason === '' ? 'no answer' : reason;
    say('lost', `connection lost (${why}), next try in ${retry_ms / 1_000} s`);
    setTimeout(connect, retry_ms);
    retry_ms = Math.min(2 * retry_ms, RETRY_MS_MAX);
  });
}

pause.addEventListener('click', () => {
  is_paused = !is_paused;
  pause.textContent = is_paused ? 'go on' : 'pause';
  say(is_paused ? 'paused' : 'live', is_paused ? 'paused' : 'live');
});
filter.addEventListener('input', draw);

/** The region whose holders are shown, and of which of them more; null: of the newest. */
let chosen_region = '';
let chosen_seq: number | null = null;
let lineage: Lineage | null = null;

async function readLineage(): Promise<void> {
  const asked = chosen_region;
  const [vm = '', region = ''] = asked.split('/');
  if (vm === '' || region === '' || is_paused || document.hidden) return;
  const path = `ledger/lineage/${encodeURIComponent(vm)}/${encodeURIComponent(region)}`;
  try {
    const answer = await fetch(path);
    const told: Lineage = JSON.parse(await answer.text());
    if (asked === chosen_region) lineage = told;
  } catch {
    // The live state tells that the agent is gone; what was shown stays.
    return;
  }
  put('lineage', renderLineage(lineage, chosen_seq));
}

function chooseRegion(name: string): void {
  chosen_region = name;
  chosen_seq = null;
  region_input.value = name;
  void readLineage();
}

function chooseTenure({ target }: PageEvent): void {
  const seq = target.closest('[data-seq]')?.dataset['seq'];
  if (seq === undefined) return;
  chosen_seq = Number(seq);
  put('lineage', renderLineage(lineage, chosen_seq));
}

document.getElementById('map').addEventListener('click', ({ target }) => {
  const name = target.closest('[data-region]')?.dataset['region'];
  if (name === undefined) return;
  chooseRegion(name);
  region_input.scrollIntoView({ block: 'start' });
});
document.getElementById('lineage').addEventListener('click', chooseTenure);
document.getElementById('lineage').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === ' ') chooseTenure(event);
});
region_input.addEventListener('change', () => chooseRegion(region_input.value.trim()));
put('lineage', renderLineage(null, null));
setInterval(() => void readLineage(), PAGE_LIMITS.lineage_ms);
setInterval(draw, DRAW_MS);
connect();
