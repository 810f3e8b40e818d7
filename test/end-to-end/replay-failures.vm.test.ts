/**
 * Goal: failures brought about on purpose hit real VMMs and a real agent, are counted, and the run
 * goes on. Method: a call every two seconds; the agent is killed, its VMM stalls and is killed.
 */
import test from 'ava';
import { execa } from 'execa';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readResults } from '../../autoscaler/results/reader.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { processesOf, scratchFolder } from './command.ts';

const CALLS = 25;
const HEAD = 'app,func,end_timestamp,duration';
const ROWS = Array.from({ length: CALLS }, (_, at) => `a,f,${2 * at + 1.2},0.2`);
const ARGS = (
  'replay --trace trace.csv --functions 1 --memory-scale 0.1 --keep-alive 4 --vmm qemu ' +
  '--mechanism virtio-mem --concurrency 2 --fail kill-agent@8,stall-vmm@30,kill-vmm@42 --out out'
).split(' ');

test.serial(
  'a killed agent and a stalled and killed VMM are counted, and the run ends',
  async (t) => {
    t.timeout(480_000);
    const folder = await scratchFolder(t);
    await writeFile(join(folder, 'trace.csv'), `${[HEAD, ...ROWS].join('\n')}\n`);
    const program = join(PROJECT_ROOT, 'bin', 'hotplane.js');
    const ended = await execa(process.execPath, [program, ...ARGS], {
      cwd: folder,
      env: { HOTPLANE_RUNTIME_DIR: join(folder, 'run') },
      reject: false,
      all: true,
    });
    t.log(ended.all.slice(-3000));
    const { manifest, invocations } = await readResults(join(folder, 'out'));
    const [run] = manifest.mechanisms;
    t.deepEqual(
      run?.failures?.map(({ failure, problem }) => [failure, problem]),
      [
        ['kill-agent', null],
        ['stall-vmm', null],
        ['kill-vmm', null],
      ],
    );
    t.is(run?.status, 'complete');
    t.is(invocations.length, CALLS, 'every call that was planned has its line');
    const done = (from_ms: number, to_ms: number): number =>
      invocations.filter(
        ({ outcome, planned_at_ms: at_ms }) =>
          outcome === 'done' && at_ms >= from_ms && at_ms < to_ms,
      ).length;
    t.true(done(0, 8000) > 0, 'before anything failed');
    t.true(done(8000, 30_000) > 0, 'by the next agent');
    t.true(done(0, 60_000) < CALLS, 'calls that were lost count as lost');
    t.deepEqual(processesOf(folder), []);
  },
);
