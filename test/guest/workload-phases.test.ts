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
import { KIB, MIB } from '../../base/units.ts';
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
  /** By the kernel, MiB: most while it played, and once it had answered. */
  readonly peak_mib: number;
  readonly resident_mib: number;
}

/** What the init says after the program said something. */
interface Reply {
  readonly after: RegExp;
  readonly said: string;
}

async function play(work: object, reply: Reply | null = null): Promise<Played> {
  const child = spawn(program, [], { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  const pipe = child.stdio[3];
  if (!(pipe instanceof Duplex) || child.pid === undefined) throw new Error('it has a pipe');
  let text = '';
  pipe.on('data', (chunk: Buffer) => {
    const said = chunk.toString('utf8');
    const asked = reply?.after.exec(said);
    if (reply && asked) pipe.write(reply.said);
    // What came before it in one piece is the word that it is ready.
    text += asked ? said.slice(0, said.indexOf('{')) : said;
  });
  const payload = JSON.stringify(work);
  const head = { id: 1, type: 'invoke', instance: 'i', payload_bytes: payload.length };
  pipe.write(joinLine(JSON.stringify(head), Buffer.from(payload)));
  await waitFor(() => (text.split('\n').length > 2 ? true : null), {
    clock: hostClock,
    deadline_ms: 20_000,
  });
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const mib = (name: string): number =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * KIB) / MIB;
  const end = once(child, 'exit');
  pipe.destroy();
  await end;
  return {
    answer: text.split('\n')[1] ?? '',
    peak_mib: mib('VmHWM'),
    resident_mib: mib('VmRSS'),
  };
}

test('memory comes with one phase and goes with the next, by munmap', async (t) => {
  const phases: Work['phases'] = [
    { at_ms: 200, anonymous_bytes: 64 * MIB },
    { at_ms: 700, anonymous_bytes: 8 * MIB },
  ];
  const { answer, peak_mib, resident_mib } = await play({ ...NOTHING, wall_ms: 1_200, phases });
  t.regex(answer, new RegExp(`"anonymous_bytes":${64 * MIB}`), 'its most is what it tells');
  t.true(peak_mib >= 64 && peak_mib < 80, `at most ${peak_mib} MiB`);
  t.true(resident_mib >= 8 && resident_mib < 24, `${resident_mib} MiB in the end`);
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

test('steps of spans that are none, too many, or touch more than they open are refused', async (t) => {
  const one = { span: 'x', at_ms: 0, bytes: MIB, touch_bytes: MIB, hold_ms: 0, times: 0 };
  const many = Array.from({ length: 9 }, () => one);
  const bad = [{ span: '' }, { bytes: 0 }, { touch_bytes: 2 * MIB }, { times: 100_001 }];
  for (const spans of [{}, many, [1], ...bad.map((part) => [{ ...one, ...part }])]) {
    const { answer } = await play({ ...NOTHING, spans });
    t.regex(answer, /"ok":false,"code":"bad-request"/);
  }
  t.regex((await play({ ...NOTHING, spans: many.slice(1) })).answer, /"ok":true/, 'never opened');
});

test('a span that is refused is told with the reason, and so is an answer without a file', async (t) => {
  const spans = [{ span: 'x', at_ms: 0, bytes: MIB, touch_bytes: 0, hold_ms: 0, times: 1 }];
  for (const [state, why] of [
    ['"refused","message":"HP_X: no"', /span 'x': HP_X: no/],
    ['"open"', /no file came/],
    ['"closed"', /span 'x': refused/],
  ] as const) {
    const said = `{"type":"span","span":"x","state":${state}}\n`;
    const { answer } = await play({ ...NOTHING, spans }, { after: /"open":"x","bytes":/, said });
    t.regex(answer, why);
  }
});
