/** What Node compiled is kept for the next agent, in a folder of our own, or nowhere. */
import test, { type ExecutionContext } from 'ava';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { CLI_PROGRAM } from '../../base/paths.ts';

async function cacheFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-compiled-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'cache');
}

/** Files that were kept by this command line. */
async function keptBy(cache: string, command: string, coverage = ''): Promise<number> {
  const env = { HOTPLANE_CACHE: cache, NODE_V8_COVERAGE: coverage };
  await execa(process.execPath, [CLI_PROGRAM, command, '--help'], { env });
  const compiled = join(cache, 'compiled');
  if (!existsSync(compiled)) return 0;
  return readdirSync(compiled, { recursive: true }).length;
}

test('an agent keeps what was compiled for it', async (t) => {
  const cache = await cacheFor(t);
  t.true((await keptBy(cache, 'agent')) > 50);
});

test('nothing is kept where others could write it, and the agent starts', async (t) => {
  const cache = await cacheFor(t);
  await mkdir(join(cache, 'compiled'), { recursive: true, mode: 0o700 });
  await chmod(join(cache, 'compiled'), 0o777);
  t.is(await keptBy(cache, 'agent'), 0);
  await chmod(join(cache, 'compiled'), 0o700);
  await chmod(cache, 0o777);
  t.is(await keptBy(cache, 'agent'), 0);
});

test('other commands, and runs whose coverage is measured, keep nothing', async (t) => {
  const cache = await cacheFor(t);
  t.is(await keptBy(cache, 'status'), 0);
  t.is(await keptBy(cache, 'agent', join(cache, 'coverage')), 0);
});
