/** Which revision of the series the guests of the tests have. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../base/paths.ts';

export const SERIES_REVISION = Number(
  readFileSync(join(PROJECT_ROOT, 'guest-kernel-patches', 'REVISION'), 'utf8'),
);
