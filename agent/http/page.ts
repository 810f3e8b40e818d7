/**
 * Serves the page: its frame, its style, and the modules of its program, which are the project's
 * own files, without their types. Nothing else of the disk is served.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { MODULE_EXTENSION, PROJECT_ROOT } from '../../base/paths.ts';
import { PAGE_POLICY, pageStyle, renderFrame } from '../page/html.ts';
import type { Router } from './router.ts';
import { sendText } from './server.ts';

/** As they lie in the project, without their endings; the first one is the program. */
export const PAGE_MODULES = [
  'agent/page/main',
  'agent/page/elastic',
  'agent/page/figure',
  'agent/page/history',
  'agent/page/limits',
  'agent/page/lineage',
  'agent/page/memory-chart',
  'agent/page/model',
  'agent/page/region-map',
  'agent/page/styles',
  'agent/page/tables',
  'agent/page/timeline',
  'agent/page/totals',
  'agent/model/live',
  'base/chart/colours',
  'base/chart/svg',
  'base/printable',
  'base/units',
] as const;

export function servePage(router: Router): void {
  const headers = {
    'content-security-policy': PAGE_POLICY,
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
  const add = (path: string, type: string, make: () => string): void => {
    let text: string | null = null;
    router.add('GET', path, ({ response }) => {
      text ??= make();
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      sendText(response, 200, text, `${type}; charset=utf-8`);
    });
  };
  const [program] = PAGE_MODULES;
  add('/', 'text/html', () => renderFrame(`page/${program}${MODULE_EXTENSION}`));
  add('/page/style.css', 'text/css', pageStyle);
  for (const module of PAGE_MODULES) {
    const file = `${module}${MODULE_EXTENSION}`;
    add(`/page/${file}`, 'text/javascript', () => moduleText(file));
  }
}

function moduleText(file: string): string {
  const text = readFileSync(join(PROJECT_ROOT, file), 'utf8');
  return MODULE_EXTENSION === '.ts' ? stripTypeScriptTypes(text) : text;
}
