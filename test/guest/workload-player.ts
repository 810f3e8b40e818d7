/** The emulated function as a program of this machine: started, asked once, and ended. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { KIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { joinLine } from '../../guest/protocol/attached-bytes.ts';

export interface Played {
  readonly answer: string;
  /** By the kernel, MiB: most while it played, and once it had answered. */
  readonly peak_mib: number;
  readonly resident_mib: number;
}

/** What the init says after the program said something. */
export interface Reply {
  readonly after: RegExp;
  readonly said: string;
}

export class WorkloadPlayer {
  readonly #dir = mkdtempSync(join(tmpdir(), 'hotplane-workload-'));
  readonly #program = join(this.#dir, 'workload');

  constructor() {
    const flags = '-std=gnu11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror'.split(' ');
    const sources = ['guest/workload', 'guest/common'].flatMap((folder) =>
      readdirSync(join(PROJECT_ROOT, folder))
        .filter((name) => name.endsWith('.c'))
        .map((name) => join(PROJECT_ROOT, folder, name)),
    );
    execFileSync('gcc', [...flags, '-o', this.#program, ...sources]);
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async play(
    work: object,
    { reply, env = {} }: { reply?: Reply; env?: Readonly<Record<string, string>> } = {},
  ): Promise<Played> {
    const child = spawn(this.#program, [], { env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    const pipe = child.stdio[3];
    if (!(pipe instanceof Duplex) || child.pid === undefined) throw new Error('it has a pipe');
    // What it said last may come after its exit.
    let is_over = false;
    const end = once(child, 'close').then(() => (is_over = true));
    let [text, complaint] = ['', ''];
    child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
    pipe.on('data', (chunk: Buffer) => {
      const said = chunk.toString('utf8');
      const asked = reply?.after.exec(said);
      if (reply && asked) pipe.write(reply.said);
      // What came before it in one piece is the word that it is ready.
      text += asked ? said.slice(0, said.indexOf('{')) : said;
    });
    pipe.on('error', () => {});
    const payload = JSON.stringify(work);
    const head = { id: 1, type: 'invoke', instance: 'i', payload_bytes: payload.length };
    pipe.write(joinLine(JSON.stringify(head), Buffer.from(payload)));
    await waitFor(() => (text.split('\n').length > 2 || is_over ? true : null), {
      clock: hostClock,
      deadline_ms: 20_000,
    });
    if (is_over) return { answer: complaint, peak_mib: 0, resident_mib: 0 };
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const mib = (name: string): number =>
      (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * KIB) / MIB;
    pipe.destroy();
    await end;
    return {
      answer: text.split('\n')[1] ?? '',
      peak_mib: mib('VmHWM'),
      resident_mib: mib('VmRSS'),
    };
  }
}
