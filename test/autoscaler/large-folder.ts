/**
 * `node test/autoscaler/large-folder.ts [LINES]`: makes a result folder of LINES memory steps, as
 * many invocations and as many operations (a million each when not told) for two mechanisms,
 * reports it in a process of its own, and fails when that takes more than 60 s of CPU time or 1
 * GiB.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { runReportCommand } from '../../autoscaler/report/command.ts';
import { RESULT_FILES } from '../../autoscaler/results/writer.ts';
import { GIB } from '../../base/units.ts';
import { healthyRun, madeCall, madeLoad, madePlug, madeStep } from './made-run.ts';

const usedSchema = z.object({ resident_bytes: z.number(), cpu_s: z.number() });

const MECHANISMS = ['static', 'hotmem'] as const;
const LINES = 1_000_000;
/** Of CPU time: what a host that does nothing else takes, since a report runs in one thread. */
const MOST_S = 60;
const MOST_BYTES = GIB;
/** Where the one step of 7 GiB lies that a chart must not lose. */
export const PEAK_GIB = 7;

/** A folder of a long run: `lines` steps, calls and operations, half of them of each mechanism. */
export function writeLargeFolder(folder: string, lines: number): void {
  const each = Math.ceil(lines / MECHANISMS.length);
  const window_ms = each * 4;
  const { manifest, memory } = healthyRun(MECHANISMS);
  const checks = memory.filter((line) => line.kind === 'check');
  const run = {
    ...manifest,
    mechanisms: manifest.mechanisms.map((one) => ({ ...one, observed_ms: window_ms })),
    trace: { ...manifest.trace, rows_used: each },
    window: { ...manifest.window, window_ms },
  };
  writeFileSync(join(folder, RESULT_FILES.manifest), JSON.stringify(run));
  const steps = function* (name: string): Iterable<object> {
    yield* checks.filter((check) => check.mechanism === name && check.at === 'start');
    for (let index = 0; index < each; index += 1) {
      const gib =
        index === 1 + (each >> 1) ? PEAK_GIB : name === 'static' ? 3 : 1 + (index % 3) / 4;
      yield madeStep(name, index * 4 - 1, gib * GIB);
    }
    yield* checks.filter((check) => check.mechanism === name && check.at === 'end');
  };
  writeLines(join(folder, RESULT_FILES.memory), steps);
  writeLines(join(folder, RESULT_FILES.invocations), function* (name) {
    for (let index = 0; index < each; index += 1) {
      yield madeCall(name, index, Math.floor(index * 3.9));
    }
  });
  writeLines(join(folder, RESULT_FILES.operations), function* (name) {
    for (let index = 0; index < each; index += 1) yield madePlug(name, `op${index}`, index * 4);
  });
  writeLines(join(folder, RESULT_FILES.load), function* (name) {
    for (let at_ms = 1000; at_ms <= window_ms; at_ms += 1000) yield madeLoad(name, at_ms);
  });
}

function writeLines(path: string, linesOf: (mechanism: string) => Iterable<object>): void {
  const file = openSync(path, 'w');
  let text = '';
  const flush = (): void => {
    writeSync(file, text);
    text = '';
  };
  for (const mechanism of MECHANISMS) {
    for (const line of linesOf(mechanism)) {
      text += `${JSON.stringify(line)}\n`;
      if (text.length > 1 << 20) flush();
    }
  }
  flush();
  closeSync(file);
}

async function reportHere(folder: string): Promise<void> {
  const silent = { write: () => true };
  await runReportCommand(
    { folder, svg: join(folder, 'memory.svg'), json: false, signal: new AbortController().signal },
    {
      stdout: silent,
      stderr: silent,
    },
  );
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpu_s = (userCPUTime + systemCPUTime) / 1e6;
  process.stdout.write(`${JSON.stringify({ resident_bytes: maxRSS * 1024, cpu_s })}\n`);
}

function main(lines: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-large-'));
  try {
    writeLargeFolder(folder, lines);
    const began_ms = performance.now();
    const child = spawnSync(process.execPath, [import.meta.filename, '--report', folder], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const wall_s = (performance.now() - began_ms) / 1000;
    if (child.status !== 0) throw new Error(`the report ended with ${String(child.status)}`);
    const used = usedSchema.parse(JSON.parse(child.stdout));
    const mib = (used.resident_bytes / 1024 / 1024).toFixed(0);
    const text = `${lines} steps, invocations, operations: CPU ${used.cpu_s.toFixed(1)} s, wall ${wall_s.toFixed(1)} s, ${mib} MiB`;
    const met = used.cpu_s <= MOST_S && used.resident_bytes <= MOST_BYTES;
    process.stdout.write(
      `${text} (at most CPU ${MOST_S} s, 1024 MiB): ${met ? 'met' : 'MISSED'}\n`,
    );
    process.exitCode = met ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [first, folder] = process.argv.slice(2);
  if (first === '--report' && folder !== undefined) await reportHere(folder);
  else main(first === undefined ? LINES : Number(first));
}
