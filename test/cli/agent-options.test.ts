/**
 * Goal: an agent runs with the options of Node that it is to run with, whoever starts it, in the
 * process that was started; no other command does, and who says another size has that.
 * Method: the launcher, with a module before it that tells the options of each Node that begins.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { AGENT_NODE_OPTIONS, PROJECT_ROOT } from '../../base/paths.ts';

const LAUNCHER = join(PROJECT_ROOT, 'bin', 'hotplane.js');
const TELLS = 'console.error(`told ${process.pid} ${process.execArgv.join(" ")}`)';
const TELLING = `--import=data:text/javascript,${encodeURIComponent(TELLS)}`;

/** Of each Node that began, one after the other: its process and its options. */
async function begun(
  args: readonly string[],
  more = '',
): Promise<{ pid: string; options: string }[]> {
  const env = { NODE_OPTIONS: `${TELLING} ${more}` };
  const { stderr } = await execa(process.execPath, [LAUNCHER, ...args], { env });
  return [...stderr.matchAll(/^told (\d+) ?(.*)$/gm)].map(([, pid = '', options = '']) => {
    return { pid, options };
  });
}

test('an agent becomes one with its options, in the same process', async (t) => {
  const [first, second, ...others] = await begun(['agent', '--help']);
  t.is(first?.options, '');
  t.deepEqual(second, { pid: first?.pid ?? '', options: AGENT_NODE_OPTIONS.join(' ') });
  t.deepEqual(others, []);
});

test('another command runs where it was started', async (t) => {
  t.deepEqual(
    (await begun(['status', '--help'])).map(({ options }) => options),
    [''],
  );
});

test('who says another size has that', async (t) => {
  t.is((await begun(['agent', '--help'], '--max-semi-space-size=8')).length, 1);
});

test('the command of the Debian package has the same options', (t) => {
  const text = readFileSync(join(PROJECT_ROOT, 'packaging', 'hotplane'), 'utf8');
  for (const option of AGENT_NODE_OPTIONS) t.true(text.includes(`options=${option} `), option);
});
