/**
 * Goal: a DAG is one file that people can write; what is wrong in it is told with its place, and it
 * is deployed, listed and removed like a function.
 * Method: files checked as they are; the commands in this process with an agent whose VMs are
 * simulated.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { waitFor } from '../../base/wait.ts';
import { checkYaml, YamlText } from '../../base/yaml.ts';
import { dagFileSchema, specOfDag } from '../../cli/dag/manifest.ts';
import { DAG_SCHEMA_PATH, renderDagSchema } from '../../tools/dag-schema.ts';
import { serve } from '../agent/api/serving.ts';
import { specOf } from '../agent/core/world.ts';
import { runLine } from './run-line.ts';

const check = (text: string) => checkYaml(new YamlText(text, 'dag.yaml'), dagFileSchema);

const HEAD = 'dag: d\ndeadline: 1s\nstages: {a: f, b: f, c: g}\n';
const WRONG: readonly (readonly [string, RegExp])[] = [
  ['dag: d\ndeadline: 1s\n', /^dag\.yaml:1:1: stages: /],
  ['dag: d\nstages: {a: f}\n', /^dag\.yaml:1:1: deadline: must be a duration/],
  ['dag: D\ndeadline: 1s\nstages: {a: f}\n', /:1:6: dag: must be like/],
  ['dag: d\ndeadline: soon\nstages: {a: f}\n', /:2:11: deadline: must be a duration like 60s/],
  ['dag: d\ndeadline: 1s\nstages: {}\n', /:3:9: stages: must name at least one stage/],
  ['dag: d\ndeadline: 1s\nstages: {A: f}\n', /:3:13: stages\.A: its name must be like/],
  ['dag: d\ndeadline: 1s\nstages: {a: F}\n', /:3:13: stages\.a\.function: must be like/],
  ['dag: d\ndeadline: 1s\nstages: {a: f, a: g}\n', /^dag\.yaml:3:\d+: /],
  [
    'dag: d\ndeadline: 1s\nstages: {a: {function: f, paylod: 1}}\n',
    /:3:27: stages\.a\.paylod: .*'payload'/,
  ],
  [`${HEAD}egdes: []\n`, /:4:1: egdes: .*mean 'edges'/],
  [`${HEAD}edges: [a, b]\n`, /:4:9: edges\.0: must be stages with arrows/],
  [`${HEAD}edges:\n  - a -> b\n  - b -> z\n`, /:6:5: edges\.1: there is no stage 'z'/],
  [`${HEAD}edges: [a -> a]\n`, /:4:9: edges\.0: a -> a: a stage cannot wait for itself/],
  [`${HEAD}edges: [a -> b -> c, b -> c]\n`, /:4:22: edges\.1: b -> c is there twice/],
  [`${HEAD}edges: [a -> b -> c -> a]\n`, /:4:8: edges: they make a cycle: a -> b -> c -> a/],
];

for (const [text, sentence] of WRONG) {
  test(`what is wrong is told with its place: ${text.trim().replaceAll('\n', ' | ')}`, (t) => {
    const error = t.throws(() => check(text));
    t.true(isHotplaneError(error) && error.code === 'HP_YAML', String(error));
    t.regex(error?.message ?? '', sentence);
  });
}

test('stages beyond the limit are refused with the limit', (t) => {
  const many = Array.from({ length: 33 }, (_, index) => `s${index}: f`).join(', ');
  const text = `dag: d\ndeadline: 1s\nstages: {${many}}\n`;
  t.throws(() => check(text), { message: /stages: 33 stages are more than 32/ });
});

test('a file says names, functions, payloads of their own, and arrows', (t) => {
  const text = `${HEAD.replace('c: g', 'c: {function: g, payload: {n: 1}}')}edges: [a -> b -> c]\n`;
  t.deepEqual(specOfDag(check(text)), {
    name: 'd',
    deadline_ms: 1_000,
    stages: [
      { name: 'a', function: 'f', payload_json: null },
      { name: 'b', function: 'f', payload_json: null },
      { name: 'c', function: 'g', payload_json: '{"n":1}' },
    ],
    edges: [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
    ],
    ready_ms: 14_400_000,
  });
  t.is(specOfDag(check(`${text}ready: 0s\n`)).ready_ms, 0, 'nothing stands ready');
});

test('the published schema is up to date, and refuses what the command does', async (t) => {
  const text = await readFile(DAG_SCHEMA_PATH, 'utf8');
  t.is(text, renderDagSchema(), 'run: npm run generate');
  const valid = new Ajv2020({ strict: false }).compile(JSON.parse(text));
  const whole = { dag: 'd', deadline: '1s', stages: { a: 'f', b: { function: 'g', payload: 1 } } };
  t.true(valid({ ...whole, edges: ['a -> b'] }), JSON.stringify(valid.errors));
  for (const wrong of [
    { dag: 'd', deadline: '1s' },
    { ...whole, egdes: [] },
    { ...whole, edges: ['a'] },
    { ...whole, stages: { a: { fuction: 'f' } } },
  ]) {
    t.false(valid(wrong), JSON.stringify(wrong));
    t.throws(() => check(JSON.stringify(wrong)));
  }
});

test('a DAG is deployed, deployed again, listed and removed', async (t) => {
  const { client, socket_path } = await serve(t);
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-dag-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'dag.yaml');
  const at = `--socket ${socket_path}`;
  const run = async (line: string) => await runLine(`${line} ${at}`);
  await writeFile(path, `${HEAD}edges: [a -> b, a -> c]\n`);
  const early = await run(`deploy -f ${path}`);
  t.is(early.code, 1);
  t.regex(early.err, /stage 'a' of DAG 'd' runs 'f', which is not deployed/);
  t.is((await run('dags')).out, 'no dags\n');

  await client.deploy(specOf('f'));
  await client.deploy(specOf('g'));
  t.is((await run(`deploy -f ${path}`)).out, 'd: DAG of 3 stages added\n');
  t.is((await run(`deploy -f ${path}`)).out, 'd: DAG of 3 stages unchanged\n');
  await writeFile(path, `${HEAD}edges: [a -> b -> c]\n`);
  t.is((await run(`deploy -f ${path}`)).out, 'd: DAG of 3 stages replaced\n');
  const beside = await run(`deploy -f ${path} --vcpus 2`);
  t.is(beside.code, 2);
  t.regex(beside.err, /--vcpus is given beside --file/);
  t.is((await run(`deploy -f ${path} --dry-run`)).code, 2);

  const listed = await run('dags');
  t.regex(listed.out, /^DAG +STAGES +DEADLINE +RUNNING +MET +FAILED +EDGES *\n/);
  t.regex(listed.out, /\nd +3 +1 s +0 +0 +a -> b, b -> c\n$/);
  const { dags } = JSON.parse((await run('dags --json')).out);
  t.like(dags[0], { dag: { name: 'd', deadline_ms: 1_000 } });

  t.is((await run('remove f --dag d')).code, 2);
  t.is((await run('remove')).code, 2);
  t.is((await run('remove --dag d')).out, 'd: removed\n');
  const gone = await run('remove --dag d');
  t.is(gone.code, 1);
  t.regex(gone.err, /HP_AGENT_NO_DAG/);
});

/** Of the built-in function: what it is told, and what it answers is told it again. */
const WORK = '{anonymous_bytes: 1048576, file_bytes: 0, cpu_ms: 0, wall_ms: 1}';
const CALLED = `dag: d
deadline: 30s
stages: {a: f, b: {function: f, payload: ${WORK}}}
edges: [a -> b]
`;

test('a DAG is invoked: what it came to, its answer, and which stage failed', async (t) => {
  const { client, agent, socket_path } = await serve(t);
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-dag-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const run = async (line: string) => await runLine(`${line} --socket ${socket_path}`);
  await client.deploy(specOf('f'));
  await writeFile(join(folder, 'dag.yaml'), CALLED);
  await run(`deploy -f ${folder}/dag.yaml`);

  const told = await run('invoke --dag d --touch 1MiB');
  t.is(told.code, 0, told.err);
  t.regex(told.out, /^d: done after .* of 30 s, in time\n {2}a -> b: wait .*, permit .*, plug /);
  const record = JSON.parse((await run('invoke --dag d --json --id mine')).out);
  t.like(record, { dag: 'd', outcome: 'done', in_time: true, invocation_id: 'mine' });
  t.deepEqual(
    record.stages.map(({ stage, outcome }: Record<string, string>) => `${stage} ${outcome}`),
    ['a done', 'b done'],
  );
  const payload = join(folder, 'work.json');
  await writeFile(
    payload,
    JSON.stringify({ anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 }),
  );
  const answered = await run(`invoke --dag d --payload ${payload}`);
  t.like(JSON.parse(answered.out), { anonymous_bytes: 1_048_576 });

  await writeFile(payload, '"no work"');
  const failed = await run(`invoke --dag d --payload ${payload}`);
  t.is(failed.code, 1);
  t.regex(failed.err, /HP_AGENT_DAG_STAGE.*stage 'a' of DAG 'd' failed: HP_/);
  t.regex((await run('dags')).out, /\nd +2 +30 s +0 +3\/3 +1 +a -> b\n$/);

  t.is((await run('invoke f --dag d')).code, 2);
  t.is((await run('invoke --dag d --logs')).code, 2);
  t.is((await run('invoke')).code, 2);
  t.regex((await run('invoke --dag none')).err, /HP_AGENT_NO_DAG/);
  await agent.remove('f');
  t.regex((await run('invoke --dag d')).err, /HP_AGENT_NO_FUNCTION.*stage 'a'/);
});

/** Of the first DAG, all calls until now: how long they took, and what its parts come to. */
async function spentOf(run: (line: string) => ReturnType<typeof runLine>) {
  const { dags } = JSON.parse((await run('status --json')).out);
  const parts: number[] = Object.values(dags[0].spent);
  const took_ms: number = dags[0].took_ms;
  return { took_ms, spent_ms: parts.reduce((sum, ms) => sum + ms, 0) };
}

test('status says of a DAG what share met its deadline, and where the time went', async (t) => {
  const { client, socket_path } = await serve(t);
  const run = async (line: string) => await runLine(`${line} --socket ${socket_path}`);
  await client.deploy(specOf('f'));
  const stages = [{ name: 'a', function: 'f', payload_json: null }];
  const alone = { stages, edges: [], ready_ms: null };
  await client.deployDag({ name: 'slack', deadline_ms: 60_000, ...alone });
  await client.deployDag({ name: 'tight', deadline_ms: 1, ...alone });
  for (const dag of ['slack', 'slack', 'tight']) t.is((await run(`invoke --dag ${dag}`)).code, 0);

  const { out } = await run('status');
  t.regex(out, /\nslack {2}DAG of 1 stage, deadline 60 s\n {2}calls +100\.0 % in time \(2 met, 0 /);
  t.regex(out, /\n {2}time +\d.* each: wait .*, permit .*, plug .*, start .*, run /);
  t.regex(
    out,
    /\ntight {2}DAG of 1 stage, deadline 1 ms\n {2}calls +0\.0 % in time \(0 met, 1 miss/,
  );
  const { dags } = JSON.parse((await run('status --json')).out);
  t.like(dags[0], { dag: { name: 'slack' }, met: 2, missed: 0, failed: 0, running: 0 });
  // What lies between two parts is a few turns of the loop, which a busy host makes long at times.
  const looks: string[] = [];
  const toldAll = async (): Promise<true | null> => {
    const before = await spentOf(run);
    t.is((await run('invoke --dag slack')).code, 0);
    const after = await spentOf(run);
    const took_ms = after.took_ms - before.took_ms;
    const untold_ms = Math.abs(after.spent_ms - before.spent_ms - took_ms);
    looks.push(`${untold_ms} of ${took_ms} ms`);
    return untold_ms < Math.max(12, took_ms / 4) ? true : null;
  };
  const told = await waitFor(toldAll, { clock: hostClock, deadline_ms: 60_000 });
  t.true(told, `where all but so much went is told: ${looks.join(', ')}`);
  t.notRegex((await run('status f')).out, /DAG/);
});
