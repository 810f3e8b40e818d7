/**
 * On a host with cgroup v2 a VMM yields the CPU by `cpu.idle` of a group of its own. Method: the
 * nested machine, with Debian's kernel and one CPU. Behind HOTPLANE_CGROUP2, as cgroup2.vm.
 */
import test from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../base/json.ts';
import { cacheDir, PROJECT_ROOT } from '../../base/paths.ts';
import { runInNestedMachine, shellQuote } from '../../images/nested/machine.ts';

const DEADLINE_MS = 900_000;
const toldSchema = z.object({
  why: z.string().nullable(),
  before: z.number(),
  during: z.number(),
  after: z.number(),
  idle: z.string(),
  failures: z.array(z.string()),
});

const underCgroup2 = process.env['HOTPLANE_CGROUP2'] ? test.serial : test.serial.skip;

underCgroup2(
  'under cgroup v2 a process in a group that is idle gets next to nothing',
  async (t) => {
    t.timeout(DEADLINE_MS + 60_000);
    const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-idle-'));
    t.teardown(async () => await rm(run_dir, { recursive: true, force: true }));
    const lines: string[] = [];
    const { exit_code, output, kernel } = await runInNestedMachine({
      command: [process.execPath, 'test/agent/cgroup2/idle.ts'].map(shellQuote).join(' '),
      working_dir: PROJECT_ROOT,
      run_dir,
      cache_dir: cacheDir(),
      deadline_ms: DEADLINE_MS,
      onLine: (line) => lines.push(line),
    });
    t.is(exit_code, 0, output);
    const told = toldSchema.parse(parseJson(lines.find((line) => line.startsWith('{"why"')) ?? ''));
    t.log(`Linux ${kernel}: ${JSON.stringify(told)}`);
    t.like(told, { why: null, idle: '0', failures: [] });
    t.true(told.before > 0.3 && told.after > 0.3);
    t.true(told.during < 0.1);
  },
);
