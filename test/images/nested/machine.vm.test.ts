/** The nested machine is proven by what it is for: an ordinary guest under KVM, on any host. */
import test from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheDir, PROJECT_ROOT } from '../../../base/paths.ts';
import { ensureGuest } from '../../../images/index.ts';
import {
  type NestedResult,
  runInNestedMachine,
  shellQuote,
} from '../../../images/nested/machine.ts';

const DEADLINE_MS = 240_000;

const seenSchema = z.object({
  accelerator: z.string(),
  kernel: z.string(),
  plug: z.string(),
  unplug: z.string(),
});

async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'hotplane-nested-'));
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

test.serial('a guest boots under KVM in the nested machine and its memory moves', async (t) => {
  t.timeout(DEADLINE_MS + 30_000);
  await using folder = await scratch();
  const guest = await ensureGuest({ variant: 'stock' });
  const words = [
    join(PROJECT_ROOT, 'node_modules/.bin/node'),
    'test/images/nested/guest-under-kvm.ts',
    guest.kernel_path,
    guest.initrd_path,
  ];
  const result = await runInNestedMachine({
    command: words.map(shellQuote).join(' '),
    working_dir: PROJECT_ROOT,
    run_dir: folder.path,
    cache_dir: cacheDir(),
    deadline_ms: DEADLINE_MS,
  });
  t.is(result.exit_code, 0, result.output);
  const line = result.output.split('\n').find((candidate) => candidate.startsWith('{'));
  const seen = seenSchema.parse(JSON.parse(line ?? '{}'));
  t.log(`${result.kernel}: ${line}`);
  t.like(seen, {
    accelerator: 'kvm',
    plug: 'done',
    unplug: 'done',
  });
  t.true(seen.kernel.startsWith(guest.kernel_version));
});

async function runCommand(command: string): Promise<NestedResult> {
  await using folder = await scratch();
  return await runInNestedMachine({
    command,
    working_dir: '/',
    run_dir: folder.path,
    cache_dir: cacheDir(),
    deadline_ms: DEADLINE_MS,
  });
}

test.serial('a command that fails is a result with its exit code, not an error', async (t) => {
  const result = await runCommand('echo so it ends; exit 7');
  t.is(result.exit_code, 7);
  t.regex(result.output, /so it ends/);
});

test.serial('the tick repeats by itself, so a lost interrupt puts no CPU to sleep', async (t) => {
  const { output } = await runCommand('grep event_handler: /proc/timer_list');
  t.regex(output, /tick_handle_periodic/);
  t.notRegex(output, /hrtimer_interrupt/);
});

test.serial('a command that never ends is ended at the deadline, with the console', async (t) => {
  await using folder = await scratch();
  const error = await t.throwsAsync(
    runInNestedMachine({
      command: 'echo still here; sleep 1000',
      working_dir: '/',
      run_dir: folder.path,
      cache_dir: cacheDir(),
      deadline_ms: 12_000,
    }),
    { code: 'HP_IMAGE_NESTED' },
  );
  t.regex(error.message, /deadline/);
});
