/**
 * The configuration of the agent: one name in three places, one order of precedence, and whatever
 * is wrong told with its place. Every rule is held for every key of the table.
 */
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { readConfigFile } from '../../../cli/agent-config/file.ts';
import { CONFIG_KEYS, type ConfigKey, flagOf, variableOf } from '../../../cli/agent-config/keys.ts';
import { readAgentConfig } from '../../../cli/agent-config/options.ts';
import { peersOf } from '../../../cli/agent-config/peers.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { parseCommandLine } from '../../../cli/parse.ts';
import { CONFIG_PAGE_PATH, renderConfigPage } from '../../../tools/configuration-page.ts';
import { Values } from '../../../cli/values.ts';
import { runLine } from '../run-line.ts';

async function scratch(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-config-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function fileOf(t: ExecutionContext, text: string): Promise<string> {
  const path = join(await scratch(t), 'agent.yaml');
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

async function resolved(words: readonly string[], env: NodeJS.ProcessEnv, file: string) {
  const parsed = parseCommandLine(['agent', '--config', file, ...words], COMMANDS);
  if (parsed.kind !== 'run') throw new Error('no command to run');
  return new Map((await readAgentConfig(parsed, env)).map((value) => [value.key.name, value]));
}

/** Three values of a key that are not its default: of a flag, a variable and a file. */
function threeOf(key: ConfigKey): readonly [string, string, string] {
  const { choices, is_path, value } = key.kind;
  if (value === null) {
    const other = key.default === 'true' ? 'false' : 'true';
    return [other, other, other];
  }
  if (is_path === true) return ['/of/flag', '/of/variable', '/of/file'];
  if (value === 'MODE') return ['0660', '660', '0660'];
  if (value === 'SIZE') return ['1GiB', '2GiB', '3GiB'];
  if (value === 'ADDRESS') return ['127.0.0.1:1', '[::1]:2', '/of/file'];
  if (value === 'HOST:PORT') return ['127.0.0.1:1', '[::1]:2', '10.0.0.1:3'];
  if (value === 'FIRST-LAST') return ['1000-1001', '2000-2001', '3000-3001'];
  if (key.name === 'bridges') {
    const at = '10.0.0.1/24:10.0.0.8/29';
    return [`a=${at}`, `b=${at}`, `c=${at}`];
  }
  if (key.name === 'node_limits') return ['1=1GiB', '0=1GiB,1=2GiB', '2=3GiB'];
  if (key.name === 'dns') return ['10.0.0.1', '10.0.0.1,10.0.0.2', '10.0.0.3'];
  if (value === 'LIST') return ['hotmem', 'static', 'numa'];
  const other = choices?.filter((one) => one !== key.default) ?? ['11', '12', '13'];
  const [first = '', second = first, third = second] = other;
  return [first, second, third];
}

function flagWords(key: ConfigKey, text: string): readonly string[] {
  if (key.kind.value !== null) return [`--${flagOf(key)}=${text}`];
  return [text === 'true' ? `--${flagOf(key)}` : `--no-${flagOf(key)}`];
}

for (const key of CONFIG_KEYS) {
  // A choice with one entry has nothing else to be.
  if (key.kind.choices?.length === 1) continue;
  test(`${key.name}: a flag goes before the environment, that before the file`, async (t) => {
    const [flag, variable, file] = threeOf(key);
    const path = await fileOf(t, `# first\n${key.name}: ${file}\n`);
    const env = { [variableOf(key)]: variable };
    const words = flagWords(key, flag);
    const name = words[0]?.split('=')[0]?.slice(2);

    const all = (await resolved(words, env, path)).get(key.name);
    t.like(all, { text: flag, origin: { from: 'flag', flag: name } });
    const without_flag = (await resolved([], env, path)).get(key.name);
    t.like(without_flag, {
      text: variable,
      origin: { from: 'environment', variable: variableOf(key) },
    });
    const from_file = (await resolved([], {}, path)).get(key.name);
    const place = { from: 'file' as const, path, line: 2, column: key.name.length + 3 };
    t.like(from_file, { text: file, origin: place });
    const nobody = (await resolved([], { [variableOf(key)]: '' }, 'none')).get(key.name);
    t.like(nobody, { text: key.default, origin: { from: 'default' } });
  });

  test(`${key.name}: misspelt in the file it is told with its place and its name`, async (t) => {
    const wrong = key.name.replace(/.$/, '').concat('zz');
    const path = await fileOf(t, `\n  \n${wrong}: 1\n`);
    const error = await t.throwsAsync(readConfigFile(path), { code: 'HP_YAML' });
    t.true(error.message.startsWith(`${path}:3:1: ${wrong}: `), error.message);
    t.true(error.message.includes(`did you mean '${key.name}'?`), error.message);
  });

  if (key.kind.wanted('~ not this ~') === null) continue;
  test(`${key.name}: a value that is not of its kind is refused in every source`, async (t) => {
    const path = await fileOf(t, `${key.name}: ~ not this ~\n`);
    const place = new RegExp(String.raw`agent\.yaml:1:${key.name.length + 3}: ${key.name}: is `);
    await t.throwsAsync(readConfigFile(path), { code: 'HP_YAML', message: place });
    await t.throwsAsync(resolved([], { [variableOf(key)]: '~ not this ~' }, 'none'), {
      code: 'HP_CLI_BAD_VARIABLE',
      message: new RegExp(variableOf(key)),
    });
    if (key.kind.value === null) return;
    await t.throwsAsync(resolved([`--${flagOf(key)}=~ not this ~`], {}, 'none'), {
      code: 'HP_CLI_BAD_VALUE',
      message: new RegExp(`--${flagOf(key)} is`),
    });
  });
}

test('a default is of its kind, a doc is one line, and a name has one form', (t) => {
  for (const { name, kind, doc, default: usual, otherwise } of CONFIG_KEYS) {
    t.regex(name, /^[a-z]+(_[a-z]+)*$/);
    t.regex(doc, /^[^\n]{2,90}[^.\n]$/, name);
    t.true(usual === null ? otherwise !== undefined : kind.wanted(usual) === null, name);
  }
  t.is(new Set(CONFIG_KEYS.map(({ name }) => name)).size, CONFIG_KEYS.length);
});

test('QEMU and CLOUD_HYPERVISOR are heeded as before, after the newer names', async (t) => {
  const env = { QEMU: '/old', CLOUD_HYPERVISOR: '/old-too', HOTPLANE_QEMU: '/new' };
  const config = await resolved([], env, 'none');
  t.is(config.get('qemu')?.text, '/new');
  t.like(config.get('cloud_hypervisor'), {
    text: '/old-too',
    origin: { from: 'environment', variable: 'CLOUD_HYPERVISOR' },
  });
});

test('a path in the file counts from its folder, a program without a slash does not', async (t) => {
  const path = await fileOf(t, 'state_dir: ./state\nqemu: my-qemu\n');
  const config = await resolved([], {}, path);
  t.is(config.get('state_dir')?.text, join(path, '..', 'state'));
  t.is(config.get('qemu')?.text, 'my-qemu');
});

test('a list may be written as one, and a switch given both ways is refused', async (t) => {
  const path = await fileOf(t, 'mechanisms: [hotmem, static]\n');
  t.is((await resolved([], {}, path)).get('mechanisms')?.text, 'hotmem,static');
  await t.throwsAsync(resolved(['--build', '--no-build'], {}, 'none'), {
    code: 'HP_CLI_BAD_VALUE',
  });
});

const rolesOf = (given: Record<string, string>) =>
  peersOf(new Values({ 'tls-listen': 'off', 'socket-mode': '0600', ...given })).socket_users;

test('users are told by name or number, groups after a %, and one that is not there is told', async (t) => {
  t.is(rolesOf({}), undefined);
  t.deepEqual(rolesOf({ 'socket-write': 'root, 4242,%root,%77' }), {
    read: { uids: [], gids: [] },
    write: { uids: [0, 4_242], gids: [0, 77] },
  });
  t.deepEqual(rolesOf({ 'socket-read': '4242' })?.write, { uids: [], gids: [] });
  const path = await fileOf(t, 'socket_write: [root, "%no-such-group"]\n');
  const { code, err } = await runLine(`config check ${path}`);
  t.is(code, 2);
  t.regex(err, /:1:\d+: socket_write: .*"%no-such-group" is neither/);
});

test('a file that others may write is not read: it names programs', async (t) => {
  const path = await fileOf(t, 'qemu: /tmp/mine\n');
  await chmod(path, 0o666);
  await t.throwsAsync(readConfigFile(path), { code: 'HP_PATH_UNSAFE', message: /mode 0666/ });
});

test('a value that is no value is told: null, a mapping', async (t) => {
  for (const text of ['qemu:\n', 'qemu: {a: b}\n', 'mechanisms: [1]\n']) {
    await t.throwsAsync(readConfigFile(await fileOf(t, text)), {
      code: 'HP_YAML',
      message: /:1:\d+: \w+(\.0)?: must be a text, a number/,
    });
  }
});

test('config check says where, and what was meant, with exit code 2', async (t) => {
  const path = await fileOf(t, 'host_limit: 8GiB\nstat_dir: /a\n');
  const { code, err } = await runLine(`config check ${path}`);
  t.is(code, 2);
  t.true(err.includes(`${path}:2:1: stat_dir: there is no such key; did you mean 'state_dir'?`));
  const good = await runLine(`config check ${await fileOf(t, 'host_limit: 8GiB\n')}`);
  t.is(good.code, 0);
  t.regex(good.out, /: 1 key, and it is good\n$/);
  const missing = await runLine(`config check ${path}.no`);
  t.is(missing.code, 3, missing.err);
});

const shownSchema = z.object({
  schema_version: z.literal(1),
  keys: z.record(
    z.string(),
    z.object({ value: z.string().nullable(), origin: z.looseObject({ from: z.string() }) }),
  ),
});

test('config show tells the origin of each value, to people and to programs', async (t) => {
  const path = await fileOf(t, 'host_limit: 8GiB\n');
  const line = `config show --config ${path} --vmm qemu`;
  const { code, out } = await runLine(line);
  t.is(code, 0);
  t.regex(out, /^ {2}vmm +qemu {2}# --vmm$/m);
  t.true(out.includes(`8GiB  # ${path}:1:13\n`));
  t.regex(out, /^ {2}log_level +info {2}# default$/m);
  const { keys } = shownSchema.parse(JSON.parse((await runLine(`${line} --json`)).out));
  t.deepEqual(
    Object.keys(keys),
    CONFIG_KEYS.map(({ name }) => name),
  );
  t.deepEqual(keys['vmm'], { value: 'qemu', origin: { from: 'flag', flag: 'vmm' } });
  t.deepEqual(keys['images'], { value: null, origin: { from: 'default' } });
});

test('an agent takes its configuration from file and environment', async (t) => {
  const path = await fileOf(t, 'host_limit: 1MiB\nvmm: qemu\n');
  const dir = await scratch(t);
  const argv = ['cli/main.ts', 'agent', '--socket', join(dir, 'a.sock')];
  const start = async (env: NodeJS.ProcessEnv) =>
    await execa(process.execPath, argv, {
      cwd: PROJECT_ROOT,
      env: { HOTPLANE_CONFIG: path, ...env },
      reject: false,
      timeout: 60_000,
    });
  t.regex((await start({})).stderr, /HP_AGENT_HOST_LIMIT: --host-limit is 1 MiB/);
  t.regex((await start({ HOTPLANE_HOST_LIMIT: '2MiB' })).stderr, /--host-limit is 2 MiB/);
});

test('docs/configuration.md is up to date', async (t) => {
  const next = "'npm run generate' writes it anew";
  t.is(await readFile(CONFIG_PAGE_PATH, 'utf8'), renderConfigPage(CONFIG_KEYS), next);
});
