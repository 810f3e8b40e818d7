/** A policy of one's own, from its file to the simulator, and all the ways it can be wrong in. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { simulationSchema } from '../../autoscaler/results/simulation.ts';
import { hostClock } from '../../base/clock.ts';
import { HotplaneError } from '../../base/errors.ts';
import { waitFor } from '../../base/wait.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { parseCommandLine } from '../../cli/parse.ts';
import { loadPolicy, watchPolicy } from '../../cli/policy-file.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'hotplane-policy-'));
test.after.always(() => rmSync(FOLDER, { recursive: true, force: true }));
const SAMPLE = fileURLToPath(
  new URL('../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);
const CORE = new URL('../../agent/core/default-policy/policy.ts', import.meta.url).href;

function fileOf(name: string, text: string): string {
  const path = join(FOLDER, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

async function until<Found>(probe: () => Found | null): Promise<Found | null> {
  return await waitFor(probe, {
    clock: hostClock,
    deadline_ms: 120_000,
    first_pause_ms: 50,
    longest_pause_ms: 200,
  });
}

async function simulate(...words: readonly string[]): Promise<string> {
  let text = '';
  const all = ['simulate', '--trace', SAMPLE, '--engine', 'reference', ...words];
  const parsed = parseCommandLine(all, COMMANDS);
  if (parsed.kind !== 'run') throw new Error('it is a command');
  const stream = {
    write: (more: string) => {
      text += more;
      return true;
    },
  };
  const { signal } = new AbortController();
  await parsed.command.run({ ...parsed, argv: words, stdout: stream, stderr: stream, signal });
  return text;
}

for (const [title, text, problem] of [
  ['has a syntax error', 'export default {\n  elastic: false,\n  scale( {\n', /line \d+: /],
  ['throws while it is read', '\nthrow new Error("not today");\n', /line 2: not today/],
  ['exports nothing', 'export const policy = {};\n', /its default export is no policy/],
  ['has a part nobody asks', 'export default { scael: () => null };', /has no 'scael', only name/],
  ['has a part of another kind', "export default { scale: 'up' };", /its 'scale' is no function/],
  ['has no name for files', "export default { name: '../x' };", /its name '..\/x' is not of/],
] as const) {
  test(`a file that ${title} is told with its path, and what is wrong`, async (t) => {
    const path = fileOf(`${title.replaceAll(' ', '-')}.ts`, text);
    const error = await t.throwsAsync(loadPolicy(path), { instanceOf: HotplaneError });
    t.is(error.code, 'HP_CLI_POLICY_FILE');
    t.true(error.message.startsWith(path), error.message);
    t.regex(error.message, problem);
  });
}

test('a file that is not there, or that others may write, is not run', async (t) => {
  await t.throwsAsync(loadPolicy(join(FOLDER, 'nowhere.ts')), { message: /ENOENT/ });
  const path = fileOf('open.ts', 'throw new Error("it ran");\n');
  chmodSync(path, 0o666);
  const error = await t.throwsAsync(loadPolicy(path), { instanceOf: HotplaneError });
  t.notRegex(error.message, /it ran/);
});

test('what a file does not answer the default does, and its name is that of the file', async (t) => {
  const policy = await loadPolicy(fileOf('mine.ts', 'export default { elastic: false };\n'));
  t.is(policy.name, 'mine');
  t.is(typeof policy.scale, 'function');
});

for (const [title, text, problem] of [
  ['wrong.ts', 'export default 7;', /its default export is no policy/],
  ['twice.ts', "export default { name: 'history' };", /there is a policy 'history' already/],
] as const) {
  test(`an agent is not started with a policy like ${title}`, async (t) => {
    const path = fileOf(title, text);
    const places = ['--state-dir', join(FOLDER, 'state'), '--socket', join(FOLDER, 'a.sock')];
    const words = ['agent', '--policy-file', path, ...places, '--no-build'];
    const parsed = parseCommandLine(words, COMMANDS);
    if (parsed.kind !== 'run') throw new Error('it is a command');
    const stream = { write: () => true };
    const { signal } = new AbortController();
    const about = { ...parsed, argv: words, stdout: stream, stderr: stream, signal };
    const error = await t.throwsAsync(async () => await parsed.command.run(about), {
      instanceOf: HotplaneError,
    });
    t.is(error.code, 'HP_CLI_POLICY_FILE');
    t.regex(error.message, problem);
  });
}

test('a file that was changed is read again, and a wrong text of it is told', async (t) => {
  const path = fileOf('mended.ts', 'export default {};\n');
  const end = new AbortController();
  const told: unknown[] = [];
  const fresh = watchPolicy(path, (problem) => told.push(problem), end.signal);
  t.is(fresh(), null);
  writeFileSync(path, 'export default { scale: 7 };\n');
  await until(() => (told.length > 0 ? told : null));
  t.true(told[0] instanceof HotplaneError);
  writeFileSync(path, 'export default { elastic: true };\n');
  const policy = await until(fresh);
  t.true(policy?.elastic);
  t.is(fresh(), null, 'once for each change');
  end.abort();
});

test('the reference engine plays it beside those that are there', async (t) => {
  const path = fileOf(
    'half.ts',
    `import { DEFAULT_POLICY } from '${CORE}';
     const half = (spec: object & { keep_alive_ms: number }) =>
       ({ ...spec, keep_alive_ms: spec.keep_alive_ms / 2 });
     export default {
       scale: (view: any) => DEFAULT_POLICY.scale(new Proxy(view, {
         get: (one, key) => (key === 'spec' ? half(one.spec) : one[key]),
       })),
     };\n`,
  );
  const told = await simulate('--policy-file', path, '--keep-alive', '120,60', '--json');
  const { runs } = simulationSchema.parse(JSON.parse(told));
  t.deepEqual(
    runs.map(({ policy }) => policy),
    ['fixed-keep-alive 120 s', 'fixed-keep-alive 60 s', 'half 120 s', 'half 60 s'],
  );
  t.is(runs[2]?.cold, runs[1]?.cold, 'half of 120 s is 60 s');
  t.is(runs[2]?.committed_gib_s, runs[1]?.committed_gib_s);
  t.not(runs[3]?.cold, runs[1]?.cold);
});

test('one that fails while it is played is told, with the question it failed at', async (t) => {
  const path = fileOf('falls.ts', "export default { scale: () => { throw new Error('x'); } };\n");
  const error = await t.throwsAsync(simulate('--policy-file', path), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_CLI_POLICY_FILE');
  t.regex(error.message, /scale: it threw: x/);
});
