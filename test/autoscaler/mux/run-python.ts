/** Handlers in Python as they are: what CPython counts that they hold. */
import { execa } from 'execa';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readInterface } from '../../../agent/expression/interface.ts';
import { manifestBlock } from '../../../autoscaler/mux/report.ts';
import type { extractSource } from '../../../autoscaler/mux/source.ts';
import { isObject } from '../../../base/json.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';

const N = 100_000;
/** Of calls that have none of their own. */
export const PAYLOAD = { n: N, text: 'x'.repeat(N) };

/** What the block says that is copied into a definition. */
export function interfaceOf(extraction: ReturnType<typeof extractSource>) {
  const read: unknown = parse(manifestBlock(extraction) ?? '');
  const memory = isObject(read) ? read['memory'] : null;
  return readInterface(isObject(memory) ? memory['expression'] : null);
}

const answerSchema = z.object({
  python: z.string(),
  libraries: z.record(z.string(), z.string().nullable()),
  peaks: z.array(z.number()),
});

/** null: there is no python3. */
export async function runAll(all: readonly { source: string; counts: string; payload?: object }[]) {
  const script = join(PROJECT_ROOT, 'test/autoscaler/mux/measured.py');
  const input = JSON.stringify(all.map((one) => ({ payload: PAYLOAD, ...one })));
  const { stdout, failed } = await execa('python3', [script], {
    input,
    env: { PYTHONPATH: join(PROJECT_ROOT, 'images/functions/python') },
    reject: false,
    timeout: 240_000,
  });
  return failed ? null : answerSchema.parse(JSON.parse(stdout));
}
