/**
 * Goal: a trace replayed with real programs in the place of emulated calls, on a real VM: they are
 * measured there, called at the trace's times, and their memory comes back without a page moved.
 */
import test from 'ava';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { manifestSchema } from '../../autoscaler/results/schema.ts';
import { processesOf, runCommand, scratchFolder } from './command.ts';

/** Two functions, one with calls of a second and one with some of a quarter of it. */
function trace(): string {
  const rows = ['app,func,end_timestamp,duration'];
  for (let call = 0; call < 4; call += 1) rows.push(`a,slow,${2 * call + 1},1`);
  for (let call = 0; call < 3; call += 1) rows.push(`b,quick,${3 * call + 0.25},0.25`);
  return `${rows.join('\n')}\n`;
}

const OPTIONS = ['--functions', '2', '--work', 'real', '--mechanism', 'hotmem', '--vmm', 'qemu'];
const SIZES = ['--memory-scale', '0.2', '--keep-alive', '1', '--concurrency', '2'];

const summarySchema = z.object({
  mechanisms: z.tuple([
    z.object({
      status: z.string(),
      invocations: z.object({ outcomes: z.object({ done: z.number() }), planned: z.number() }),
      pages_migrated: z.object({ whole_run: z.number() }),
      final_agreement: z.object({ agree: z.boolean(), vmm_plugged_bytes: z.number() }),
    }),
  ]),
});

test('real programs stand for the functions of a trace, and give their memory back', async (t) => {
  t.timeout(420_000);
  const folder = await scratchFolder(t);
  await writeFile(join(folder, 'trace.csv'), trace());
  const args = ['replay', '--trace', 'trace.csv', ...OPTIONS, ...SIZES, '--out', 'out', '--json'];
  const ended = await runCommand(args, { folder });
  t.is(ended.exit_code, 0, ended.stderr);
  t.deepEqual(processesOf(folder), []);
  const [run] = summarySchema.parse(JSON.parse(ended.stdout)).mechanisms;
  t.is(run.status, 'complete');
  t.is(run.invocations.outcomes.done, run.invocations.planned);
  t.is(run.pages_migrated.whole_run, 0);
  t.deepEqual(run.final_agreement, { agree: true, vmm_plugged_bytes: 0 });
  const text = await readFile(join(folder, 'out', 'manifest.json'), 'utf8');
  const { functions } = manifestSchema.parse(JSON.parse(text));
  t.is(functions.length, 2);
  for (const { real } of functions) {
    t.true((real?.points.length ?? 0) > 0, 'measured on this host');
    t.log(`${real?.program}: ${real?.planned_p50_ms} ms for ${real?.wanted_p50_ms}`);
  }
  // No program takes a second at its least; a quarter of it one may, on a slow host.
  const [slow] = functions;
  t.true((slow?.real?.longest_ms ?? 0) > (slow?.real?.shortest_ms ?? Infinity));
});
