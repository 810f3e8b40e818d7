/** Completion offers what the commands take: asked of real shells, where there are any. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { completionScript, type Shell, SHELLS } from '../../cli/completion.ts';
import { COMMANDS } from '../../cli/commands.ts';

const env = { PATH: process.env['PATH'] ?? '' };

/** A file with the script of a shell. */
async function scriptFile(t: ExecutionContext, shell: Shell): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-completion-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'script');
  await writeFile(path, completionScript(shell, COMMANDS));
  return path;
}

/** What bash offers for the last of these words. */
async function offered(...words: readonly string[]): Promise<string[]> {
  const script = `${completionScript('bash', COMMANDS)}
COMP_WORDS=(hotplane ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}
_hotplane
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa('bash', ['-c', script], { env, extendEnv: false });
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash offers commands, the second words of groups, and options', async (t) => {
  t.deepEqual(await offered('depl'), ['deploy']);
  t.deepEqual(await offered('images', ''), ['build', 'list', 'export']);
  t.true((await offered('images', 'build', '--')).includes('--help'));
  t.deepEqual(await offered('agent', '--state'), ['--state-dir']);
  t.true((await offered('simulate', '')).includes('sizing'), 'a command that is a group too');
});

test('bash offers the choices of an option', async (t) => {
  t.deepEqual(await offered('agent', '--log-level', 'w'), ['warn']);
});

test('bash offers the few words that an argument may be', async (t) => {
  t.deepEqual(await offered('completion', 'z'), ['zsh']);
  t.true((await offered('completion', '')).includes('fish'));
});

test('bash is left to offer files where an option takes one', async (t) => {
  t.deepEqual(await offered('agent', '--config', 'READ'), []);
  t.regex(completionScript('bash', COMMANDS), /^complete .*-o default .*hotplane$/m);
});

const inFish = ['/usr/bin/fish', '/bin/fish'].some((path) => existsSync(path)) ? test : test.skip;

inFish('fish offers the same, and has nothing to complain of', async (t) => {
  const script = await scriptFile(t, 'fish');
  const home = { HOME: '/nonexistent', XDG_CONFIG_HOME: '/nonexistent' };
  const offers = async (line: string): Promise<string[]> => {
    const args = ['--no-config', '-c', `source ${script}; complete -C '${line}'`];
    const { stdout, stderr } = await execa('fish', args, {
      env: { ...env, ...home },
      extendEnv: false,
    });
    t.is(stderr, '');
    return stdout.split('\n').map((row) => row.split('\t')[0] ?? '');
  };
  t.deepEqual(await offers('hotplane depl'), ['deploy']);
  t.deepEqual((await offers('hotplane images ')).toSorted(), ['build', 'export', 'list']);
  t.deepEqual(await offers('hotplane agent --state-d'), ['--state-dir']);
  t.deepEqual(await offers('hotplane agent --log-level w'), ['warn']);
  t.true((await offers('hotplane images build --')).includes('--variant'));
  t.deepEqual(await offers('hotplane completion z'), ['zsh']);
  t.false((await offers('hotplane config check ')).includes('show'), 'nothing after a whole name');
});

for (const shell of SHELLS) {
  test(`for ${shell} every command and each of its options is named`, (t) => {
    const script = completionScript(shell, COMMANDS);
    for (const { name, options } of COMMANDS) {
      for (const word of name.split(' ')) t.true(script.includes(word), name);
      for (const option of Object.keys(options)) {
        const written = shell === 'fish' ? `-l ${option}` : `--${option}`;
        t.true(script.includes(written), `${name} --${option}`);
      }
    }
  });

  test(`${shell} takes its script, where there is one`, async (t) => {
    const args = ['-n', await scriptFile(t, shell)];
    const checked = await execa(shell, args, { env, extendEnv: false, reject: false });
    if (checked.code === 'ENOENT') t.pass(`no ${shell} here`);
    else t.is(checked.exitCode, 0, checked.stderr);
  });
}
