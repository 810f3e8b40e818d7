/** The command line: what is understood, what is refused, and with which exit code. */
import test from 'ava';
import type { Command } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { nearest } from '../../base/nearest.ts';
import { runLine } from './run-line.ts';

const STUDY = 'autoscaler/profile/workloads/cold-start.json';

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['stats', 'HP_CLI_UNKNOWN_COMMAND', "did you mean 'status'"],
  ['status --jsn', 'HP_CLI_UNKNOWN_OPTION', "did you mean '--json'"],
  ['status -j', 'HP_CLI_UNKNOWN_OPTION', 'status --help'],
  ['status --json=yes', 'HP_CLI_BAD_ARGUMENTS', 'takes no value'],
  ['status a b', 'HP_CLI_BAD_ARGUMENTS', 'one argument too many'],
  ['deploy', 'HP_CLI_BAD_ARGUMENTS', '--limit is required'],
  ['deploy --limit 1MiB', 'HP_CLI_BAD_ARGUMENTS', 'NAME is missing'],
  ['deploy f --limit', 'HP_CLI_BAD_ARGUMENTS', '--limit SIZE'],
  ['deploy f --limit lots', 'HP_CLI_BAD_VALUE', 'a size like 256MiB'],
  ['deploy f --limit 1MiB --limit 2MiB', 'HP_CLI_BAD_ARGUMENTS', 'given twice'],
  ['deploy f --limit 1MiB --mechanism magic', 'HP_CLI_BAD_VALUE', 'hotmem'],
  ['deploy f --limit 1MiB --concurrency 1.5', 'HP_CLI_BAD_VALUE', 'whole number'],
  ['deploy f --limit 1MiB --max-vms 0', 'HP_CLI_BAD_VALUE', 'from 1 to 1024'],
  ['agent --state-dir=', 'HP_CLI_BAD_VALUE', "--state-dir is ''"],
  ['agent --qemu=', 'HP_CLI_BAD_VALUE', 'give a path'],
  ['status --socket=', 'HP_CLI_BAD_VALUE', 'give a path'],
  ['images export --out=', 'HP_CLI_BAD_VALUE', 'give a path'],
  ['drain ', 'HP_CLI_BAD_ARGUMENTS', '[NAME] is empty'],
  ['report ', 'HP_CLI_BAD_ARGUMENTS', 'is empty'],
  ['bench', 'HP_CLI_NO_COMMAND', 'bench reclaim, bench invoke, bench agent'],
  ['images', 'HP_CLI_NO_COMMAND', 'images build, images list, images export'],
  ['--version --x', 'HP_CLI_BAD_ARGUMENTS', "'--x' is one argument too many"],
  ['--help status', 'HP_CLI_BAD_ARGUMENTS', "'status' is one argument too many"],
  ['-h status', 'HP_CLI_BAD_ARGUMENTS', "'status' is one argument too many"],
  ['bench agent --rounds 0', 'HP_BENCH_OPTION', "20. Next: see 'hotplane bench agent --help'"],
  ['bench reclaim --rounds 0', 'HP_BENCH_OPTION', "1000. Next: see 'hotplane bench reclaim"],
  ['bench invoke --rounds 0', 'HP_BENCH_OPTION', "100. Next: see 'hotplane bench invoke"],
  ['replay', 'HP_REPLAY_OPTION', '--from'],
  ['agent --host-limit -1', 'HP_CLI_BAD_VALUE', '--host-limit'],
  ['agent --host-limit 0', 'HP_CLI_BAD_VALUE', 'a size above 0'],
  ['agent --host-limit 99999TiB', 'HP_CLI_BAD_VALUE', 'a size below 8192TiB; this one is more'],
  ['agent --host-limit 1', 'HP_AGENT_HOST_LIMIT', 'the smallest function takes 320 MiB'],
  ['agent --host-limit 319MiB --overcommit', 'HP_AGENT_HOST_LIMIT', 'give at least 320 MiB'],
  ['agent --host-limit 8000TiB', 'HP_AGENT_HOST_LIMIT', 'but this host has'],
  ['invoke f --touch 0.3', 'HP_CLI_BAD_VALUE', 'whole bytes'],
  [`status --socket /${'s'.repeat(107)}`, 'HP_AGENT_SOCKET', 'a Unix socket takes 107'],
  [`drain f --socket /${'s'.repeat(300)}`, 'HP_AGENT_SOCKET', 'has 301 bytes'],
  [`profile run ${STUDY} --function short`, 'HP_CLI_BAD_VALUE', 'APPLICATION=FUNCTION'],
  [`profile run ${STUDY} --function short=0.3`, 'HP_CLI_BAD_VALUE', 'APPLICATION=256MiB'],
  [`profile run ${STUDY} --own-agent`, 'HP_PROFILE_FUNCTION', 'give --function APPLICATION='],
  [`profile run ${STUDY} --accesses`, 'HP_CLI_BAD_VALUE', '--own-agent beside it'],
  [`profile run ${STUDY} --seed -1`, 'HP_CLI_BAD_VALUE', 'from 0 to 4294967295'],
  ['profile report docs', 'HP_RESULTS_MISSING', 'profile run --out'],
  ['agent --mechanisms all', 'HP_CLI_BAD_VALUE', 'virtio-mem'],
];

for (const [line, code, text] of REFUSED) {
  test(`'${line}' is refused with exit code 2 and ${code}`, async (t) => {
    const { code: exit_code, err } = await runLine(line);
    t.is(exit_code, 2, err);
    t.true(err.startsWith(`hotplane: ${code}: `), err);
    t.true(err.includes(text), err);
    t.false(err.includes('    at '), 'no stack trace');
  });
}

test('HOTPLANE_DEBUG=1 shows the stack, --json the error as data', async (t) => {
  t.true((await runLine('stats', { HOTPLANE_DEBUG: '1' })).err.includes('    at '));
  const { err } = await runLine('status --json --socket /nonexistent/a.sock');
  t.like(JSON.parse(err), { error: { code: 'HP_AGENT_UNREACHABLE', category: 'unavailable' } });
});

const BROKEN: Command = {
  name: 'broken',
  summary: 'has a bug',
  options: { json: { summary: 'as data' } },
  help: '',
  run: () => Promise.reject(new TypeError('nothing is not a function')),
};

test('a bug is one JSON object to a program, and shows its stack to people', async (t) => {
  const json = await runLine('broken --json', {}, [BROKEN]);
  t.is(json.code, 1);
  t.like(JSON.parse(json.err), {
    error: { code: 'HP_BUG', category: 'failure', message: 'nothing is not a function' },
  });
  const debug = await runLine('broken --json', { HOTPLANE_DEBUG: '1' }, [BROKEN]);
  t.true(debug.err.includes('    at '), debug.err);
  const text = await runLine('broken', {}, [BROKEN]);
  t.true(text.err.startsWith('hotplane: nothing is not a function\n'), text.err);
  t.true(text.err.includes('    at '), text.err);
});

test('an agent that is not there is exit code 3 with the next step', async (t) => {
  const { code, err } = await runLine('status --socket /nonexistent/a.sock');
  t.is(code, 3);
  t.true(err.includes("start one with 'hotplane agent'"), err);
});

test('every command has a help page of lines that fit, an example, and its options', async (t) => {
  const overview = await runLine('--help');
  t.is(overview.code, 0);
  for (const command of COMMANDS) {
    t.true(overview.out.includes(`  ${command.name} `), command.name);
    const { code, out } = await runLine(`${command.name} --help`);
    t.is(code, 0);
    t.is((await runLine(`help ${command.name}`)).out, out);
    for (const name of Object.keys(command.options)) t.true(out.includes(`--${name}`), name);
    t.true(out.includes(`hotplane ${command.name}`));
    for (const line of command.help.split('\n')) t.true(line.length <= 100, line);
  }
});

test('a group of commands has a help page that lists them', async (t) => {
  const groups = new Set(COMMANDS.map(({ name }) => name.split(' ')[0] ?? ''));
  for (const { name } of COMMANDS) groups.delete(name);
  t.true(groups.has('ledger') && groups.has('function'), [...groups].join(', '));
  for (const group of groups) {
    const { code, out, err } = await runLine(`${group} --help`);
    t.deepEqual([code, err], [0, '']);
    t.is((await runLine(`help ${group}`)).out, out);
    const members = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
    for (const { name, summary } of members)
      t.regex(out, new RegExp(`^  ${name} +\\S`, 'm'), summary);
  }
  t.is((await runLine('ledger')).code, 2, 'alone it does nothing');
});

test('-h is --help', async (t) => {
  t.deepEqual(await runLine('-h'), await runLine('--help'));
  t.deepEqual(await runLine('report -h'), await runLine('report --help'));
});

test('the help of replay and report says what may be missing', async (t) => {
  const { out } = await runLine('replay --help');
  t.regex(out, /--trace FILE .*required without --from/);
  t.regex(out, /--out DIR .*required without --from/);
  t.regex((await runLine('report --help')).out, /load\.jsonl[^]*may be\s+missing/);
});

test('--version prints the version', async (t) => {
  t.regex((await runLine('--version')).out, /^hotplane \d+\.\d+\.\d+\n$/);
});

test('suggestions are near or not at all', (t) => {
  t.is(nearest('remvoe', ['remove', 'replay']), 'remove');
  t.is(nearest('xyzzy', ['remove', 'replay']), null);
});
