/**
 * Goal: a function in Python that has its heap before its first call, as docs/pool.md tells, has at
 * most a tenth of the page faults in it, and answers the same.
 * Method: real functions in a real VM that count the faults of their calls themselves.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { functionHost } from './function-host.ts';

const TOLD = z.object({ faults: z.number(), digest: z.string() });

/** `heap`: a line of the module, run before it serves. */
const program = (heap: string): string => `
import resource, records
${heap}

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def handler(event, context=None):
    before = faults()
    told = records.handler(event)
    return {"faults": faults() - before, "digest": told["digest"]}
`;

/** What the page says: its variables, and its line. */
async function recipe(): Promise<{ readonly environment: string; readonly line: string }> {
  const page = await readFile(join(PROJECT_ROOT, 'docs/pool.md'), 'utf8');
  const environment = /^environment:\n(?: +[A-Z_]+: .+\n)+/m.exec(page)?.[0];
  const line = /^b'.+$/m.exec(page)?.[0];
  if (environment === undefined || line === undefined) throw new Error('the page has a recipe');
  return { environment, line };
}

test('the first call finds its heap there', async (t) => {
  const { environment, line } = await recipe();
  const host = await functionHost(t, ['hotmem']);
  const [records, seeded] = await Promise.all(
    ['records.py', 'seeded.py'].map(
      async (name) => await readFile(join(PROJECT_ROOT, 'images/functions/python', name), 'utf8'),
    ),
  );
  const firstCall = async (name: string, heap: string, more: string) => {
    await host.deploy({
      'counted.py': program(heap),
      'records.py': records ?? '',
      'seeded.py': seeded ?? '',
      'function.yaml':
        `name: ${name}\npackage: .\nruntime: python3\nhandler: counted.handler\n` +
        `memory: 128MiB\n${more}`,
    });
    const { status, body } = await host.call(name, JSON.stringify({ seed: 7, size: 4_000 }));
    t.is(status, 200, body);
    t.log(name, body);
    return TOLD.parse(JSON.parse(body));
  };
  const without = await firstCall('without', '', '');
  const ahead = await firstCall('ahead', line, environment);
  t.is(ahead.digest, without.digest);
  t.true(ahead.faults <= without.faults / 10, `${ahead.faults} and ${without.faults}`);
});
