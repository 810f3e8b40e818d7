/** The emulated function has the memory that its phases say, when they say it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { joinLine } from '../../guest/protocol/attached-bytes.ts';
import type { Work } from '../../agent/model/work.ts';

const dir = mkdtempSync(join(tmpdir(), 'hotplane-phases-'));
const program = join(dir, 'workload');

test.before(() => {
  const flags = '-std=gnu11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror'.split(' ');
  const sources = ['guest/workload', 'guest/common'].flatMap((folder) =>
    readdirSync(join(PROJECT_ROOT, folder))
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(PROJECT_ROOT, folder, name)),
  );
  execFileSync('gcc', [...flags, '-o', program, ...sources]);
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

const NOTHING = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 };

interface Played {
  readonly answer: string;
  /** Highest resident size seen in each quarter second, MiB. */
  readonly resident_mib: number[];
}

async function play(work: object): Promise<Played> {
  const child = spawn(program, [], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const pipe = child.stdio[3];
  if (!(pipe instanceof Duplex) || child.pid === undefined) throw new Error('it has a pipe');
  let text = '';
  pipe.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const resident_mib: number[] = [];
  const payload = JSON.stringify(work);
  const head = { id: 1, type: 'invoke', instance: 'i', payload_bytes: payload.length };
  pipe.write(joinLine(JSON.stringify(head), Buffer.from(payload)));
  const statm = `/proc/${child.pid}/statm`;
  await waitFor(
    async () => {
      const pages = Number(readFileSync(statm, 'utf8').split(' ')[1]);
      resident_mib.push(Math.round((pages * 4_096) / MIB));
      return text.split('\n').length > 2 ? true : null;
    },
    { clock: hostClock, deadline_ms: 20_000, longest_pause_ms: 20 },
  );
  const end = once(child, 'exit');
  pipe.destroy();
  await end;
  return { answer: text.split('\n')[1] ?? '', resident_mib };
}

test('memory comes with one phase and goes with the next, by munmap', async (t) => {
  const phases: Work['phases'] = [
    { at_ms: 200, anonymous_bytes: 64 * MIB },
    { at_ms: 700, anonymous_bytes: 8 * MIB },
  ];
  const { answer, resident_mib } = await play({ ...NOTHING, wall_ms: 1_200, phases });
  t.regex(answer, new RegExp(`"anonymous_bytes":${64 * MIB}`), 'its most is what it tells');
  t.true(Math.max(...resident_mib) >= 64);
  t.true((resident_mib.at(-1) ?? 99) < 24, `${resident_mib.join(' ')} MiB`);
});

test('phases that are none, or too many, are refused', async (t) => {
  const one = { at_ms: 0, anonymous_bytes: 0 };
  for (const phases of [{}, [1], [{ at_ms: 0 }], Array.from({ length: 65 }, () => one)]) {
    const { answer } = await play({ ...NOTHING, phases });
    t.regex(answer, /"ok":false,"code":"bad-request"/);
  }
  const most = Array.from({ length: 64 }, () => one);
  t.regex((await play({ ...NOTHING, phases: most })).answer, /"ok":true/);
});
