/**
 * Goal: a speed-up that is chosen by what calls and starts cost on real VMs, and a run that has it.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { manifestSchema } from '../../autoscaler/results/schema.ts';
import { processesOf, runCommand, scratchFolder } from './command.ts';

/** Light enough for any host: of each of two functions a call of a second in each minute. */
function trace(): string {
  const rows = ['app,func,end_timestamp,duration'];
  for (let call = 0; call < 4; call += 1) {
    rows.push(`a,one,${60 * call + 1},1`, `b,other,${60 * call + 31},1`);
  }
  return `${rows.join('\n')}\n`;
}

const OPTIONS = ['--speedup', 'auto', '--mechanism', 'hotmem', '--vmm', 'qemu'];
const SIZES = ['--functions', '2', '--memory-scale', '0.2', '--touched-share', '0.1'];

test('a replay measures what the host can carry, and goes that fast', async (t) => {
  t.timeout(420_000);
  const folder = await scratchFolder(t);
  await writeFile(join(folder, 'trace.csv'), trace());
  const args = ['replay', '--trace', 'trace.csv', ...OPTIONS, ...SIZES, '--out', 'out'];
  const ended = await runCommand(args, { folder });
  t.is(ended.exit_code, 0, ended.stderr);
  t.deepEqual(processesOf(folder), []);
  const text = await readFile(join(folder, 'out', 'manifest.json'), 'utf8');
  const { speedup_choice: choice, trace: told, status } = manifestSchema.parse(JSON.parse(text));
  assert(choice);
  t.is(status, 'complete');
  t.is(told.speedup, choice.speedup);
  t.true(choice.speedup > 1, 'four calls a minute are no load');
  t.true(choice.demand.share <= choice.most_share);
  for (const { start_cpu_ms, compute_factor } of choice.measured.costs) {
    t.true(start_cpu_ms > 0, 'a start with its plug and unplug takes CPU time');
    t.true(compute_factor > 0.1 && compute_factor < 3, `${compute_factor} for 1 of computing`);
  }
  t.log(ended.stderr.split('\n').find((line) => line.startsWith('speed-up')));
});
