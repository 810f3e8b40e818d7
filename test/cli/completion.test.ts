/** Completion offers what the commands take: asked of a real bash. */
import test from 'ava';
import { execa } from 'execa';
import { completionScript, SHELLS } from '../../cli/completion.ts';
import { COMMANDS } from '../../cli/commands.ts';

const env = { PATH: process.env['PATH'] ?? '' };

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

test('bash is left to offer files where an option takes one', async (t) => {
  t.deepEqual(await offered('agent', '--config', 'READ'), []);
  t.regex(completionScript('bash', COMMANDS), /^complete .*-o default .*hotplane$/m);
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
    const input = completionScript(shell, COMMANDS);
    const checked = await execa(shell, ['-n'], { input, env, extendEnv: false, reject: false });
    if (checked.code === 'ENOENT') t.pass(`no ${shell} here`);
    else t.is(checked.exitCode, 0, checked.stderr);
  });
}
