/**
 * Goal: a function is one file that people can write: what is wrong in it is told with its place,
 * every option of deploy is a key of it, and from a new folder to a deployed function there are
 * three commands.
 * Method: files checked as they are; the commands in this process, with a cache of their own and an
 * agent whose VMs are simulated.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test, { type ExecutionContext } from 'ava';
import { isHotplaneError } from '../../base/errors.ts';
import { GIB, MIB } from '../../base/units.ts';
import { checkYaml, YamlText } from '../../base/yaml.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { functionFileSchema, specOfManifest } from '../../cli/function/manifest.ts';
import { FUNCTION_SCHEMA_PATH, renderFunctionSchema } from '../../tools/function-schema.ts';
import { serve } from '../agent/api/serving.ts';
import { tarOf, writeLayout } from '../images/packages/archives.ts';
import { runLine } from './run-line.ts';

const check = (text: string) => checkYaml(new YamlText(text, 'function.yaml'), functionFileSchema);

/** A folder, which is the cache of all commands while the test runs. */
async function scratch(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-function-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  return dir;
}

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['name: f\nmemroy: 1GiB\n', /^function\.yaml:1:1: memory: .* \(and 1 more\)\.$/],
  ['name: f\nmemory: 1GiB\n  max: 2\n', /^function\.yaml:\d+:\d+: /],
  ['name: f\nmemory: 1GiB\nmechansim: hotmem\n', /:3:1: mechansim: .*mean 'mechanism'/],
  ['name: f\nmemory: 1GiB\nmechanism: none\n', /:3:12: mechanism: /],
  ['name: F\nmemory: 1GiB\n', /:1:7: name: must be like/],
  ['name: f\nmemory: much\n', /:2:9: memory\.max: must be a size like 256MiB/],
  ['name: f\nmemory: {max: 1GiB, basline: 1}\n', /:2:21: memory\.basline: .*mean 'baseline'/],
  ['name: f\nmemory: {baseline: 1GiB}\n', /:2:9: memory\.max: /],
  ['name: f\nmemory: 1GiB\nkeep_alive: soon\n', /:3:13: keep_alive: must be a duration like 60s/],
  ['name: f\nmemory: 1GiB\nconcurrency: 0\n', /:3:14: concurrency: /],
  ['name: f\nmemory: 1GiB\nspans: {data: much}\n', /:3:15: spans\.data: must be a size/],
  ['name: f\nmemory: 1GiB\nspans:\n  data: 1MiB\n', /:4:9: spans\.data: must be at least 2MiB/],
  ['name: f\nmemory: 1GiB\nspans:\n  Data: 1GiB\n', /:4:9: spans\.Data: its name must be like/],
  ['name: f\nmemory: 1GiB\nspans: [data]\n', /:3:8: spans: /],
  [
    'name: f\nmemory: 1GiB\nspans: {data: {max: 1GiB, host_node: -1}}\n',
    /:3:38: spans\.data\.host_node: /,
  ],
  [
    'name: f\nmemory: 1GiB\ntiers: {far_node: 1, share: 2}\n',
    /tiers\.share: Too big: expected number to be <=1/,
  ],
  ['name: f\nmemory: 1GiB\ntiers: {far_node: 1, share: auto}\n', /tiers\.table: goes with/],
  ['name: f\nmemory: 1GiB\nspans: {data: {max: 1MiB}}\n', /data\.max: must be at least 2MiB/],
  ['name: f\nmemory: 1GiB\nspans: {data: {size: 1GiB}}\n', /data: max: /],
  [
    `name: f\nmemory: 1GiB\nspans: {${'abcdefghi'.replaceAll(/./g, '$&: 2MiB, ')}}\n`,
    /:3:8: spans: must be at most 8/,
  ],
  [
    'name: f\nmemory: 1GiB\nhandler: a.b\n',
    /:3:10: handler: needs runtime python3, python3-numpy or node/,
  ],
  [
    'name: f\nmemory: 1GiB\nruntime: node\nhandler: a.b\ncommand: [x]\n',
    /:4:10: handler: is given/,
  ],
  ['name: f\nmemory: 1GiB\nuser: 9999999999\n', /:3:7: user: /],
  ['name: f\nmemory: 1GiB\ntmp: 5\n', /:3:6: tmp: must be at least 1MiB/],
  ['name: f\nmemory: 1GiB\ncommand: ["a\\0b"]\n', /:3:11: command\.0: must not hold a NUL/],
  [
    'name: f\nmemory: 1GiB\nenvironment: {A: "a\\0b"}\n',
    /:3:18: environment\.A: must not hold a NUL/,
  ],
];

for (const [text, sentence] of WRONG) {
  test(`what is wrong is told with its place: ${text.trim().replaceAll('\n', ' | ')}`, (t) => {
    const error = t.throws(() => check(text));
    t.true(isHotplaneError(error) && error.code === 'HP_YAML', String(error));
    t.regex(error?.message ?? '', sentence);
  });
}

test('a manifest of a name and a size has the defaults of deploy', (t) => {
  const spec = specOfManifest(check('name: f\nmemory: 256MiB\n'), null);
  t.like(spec, { name: 'f', mechanism: 'virtio-mem', limit_bytes: 256 * MIB, concurrency: 8 });
  t.like(spec, { max_vms: 1, vcpus: 1, boot_bytes: 512 * MIB, keep_alive_ms: 60_000 });
  t.like(spec, { memory: null, argv: [], backing: 'anonymous', init_on_alloc: false });
});

test('memory that follows its use is told by what it starts with, steps by and ends at', (t) => {
  const text =
    'name: f\nmemory: {max: 4GiB, baseline: 256MiB, increment: 64MiB, grow_wait: 500ms}\n';
  const { limit_bytes, memory } = specOfManifest(check(text), null);
  t.is(limit_bytes, 4 * GIB);
  t.deepEqual(memory, {
    baseline_bytes: 256 * MIB,
    increment_bytes: 64 * MIB,
    history: false,
    grow_wait_ms: 500,
    expression: null,
  });
  t.is(specOfManifest(check('name: f\nmemory: {max: 1GiB}\n'), null).memory, null);
});

test('spans of function.yaml are names with the size that each can have', (t) => {
  const text = 'name: f\nmemory: 1GiB\nmechanism: hotmem\nspans: {data: 1GiB, model: 64MiB}\n';
  t.deepEqual(specOfManifest(check(text), null).spans, [
    { name: 'data', max_bytes: GIB, host_node: null },
    { name: 'model', max_bytes: 64 * MIB, host_node: null },
  ]);
  t.deepEqual(specOfManifest(check('name: f\nmemory: 1GiB\n'), null).spans, []);
  const on_node = 'name: f\nmemory: 1GiB\nspans: {far: {max: 1GiB, host_node: 1}}\n';
  const [far] = specOfManifest(check(on_node), null).spans;
  t.deepEqual(far, { name: 'far', max_bytes: GIB, host_node: 1 });
});

test('tiers of function.yaml are a node, and a share or a table to choose one from', (t) => {
  const text = 'name: f\nmemory: 1GiB\nmechanism: numa\ntiers: {far_node: 1, share: 0.25}\n';
  t.deepEqual(specOfManifest(check(text), null).tiers, { far_node: 1, share: 0.25, table: null });
  t.is(specOfManifest(check('name: f\nmemory: 1GiB\n'), null).tiers, null);
  const auto =
    'name: f\nmemory: 1GiB\ntiers: {far_node: 1, share: auto, table: t.json, slo: 400ms}\n';
  const rows = [{ share: 1, latency_ms: 1 }];
  const table = { slo_ms: 400, source: 'measured', note: '', rows } as const;
  const { tiers } = specOfManifest(check(auto), null, table);
  t.deepEqual(tiers, { far_node: 1, share: null, table });
  t.is(check(auto).tiers?.slo, 400);
});

const SIZED = `name: f
memory:
  max: 1GiB
  expression:
    parameters:
      n: { pointer: /n, min: 1, max: 4000 }
      text: { pointer: /text, measure: length, max: 1000 }
    consumed: 3 * sizeof(float) * n^2 + text + 56
    freed: 2 * sizeof(float) * n^2 + 56
    peak: 3 * sizeof(float) * n^2 + text + 56
    base: 34MiB
`;

test('a memory expression of function.yaml is that of the function, and makes it elastic', (t) => {
  const { memory } = specOfManifest(check(SIZED), null);
  t.like(memory, {
    baseline_bytes: null,
    expression: { peak: '3 * sizeof(float) * n^2 + text + 56', base_bytes: 34 * MIB },
  });
  const n = { name: 'n', pointer: '/n', measure: 'value', unit: null, min: 1, max: 4000 };
  t.deepEqual(memory?.expression?.parameters[0], n);
});

test('an expression that is none is refused with its place, before anything is built', (t) => {
  const broken = SIZED.replace('peak: 3 *', 'peak: 3 * * ');
  t.throws(() => specOfManifest(check(broken), null), {
    code: 'HP_MUX_SYNTAX',
    message: /character/,
  });
  const unknown = SIZED.replace('+ text + 56', '+ texts + 56');
  t.throws(() => specOfManifest(check(unknown), null), { code: 'HP_MUX_SYNTAX' });
});

/** Options of deploy by the key that says the same. */
const KEYS: Readonly<Record<string, string>> = {
  limit: 'memory',
  baseline: 'memory',
  increment: 'memory',
  history: 'memory',
  'grow-wait': 'memory',
  'min-instances': 'instances',
  'max-instances': 'instances',
  arg: 'command',
  span: 'spans',
  'far-node': 'tiers',
  share: 'tiers',
  'share-table': 'tiers',
  'share-input': 'tiers',
  'far-penalty': 'tiers',
};

test('every option of deploy is a key', (t) => {
  const options = COMMANDS.find(({ name }) => name === 'deploy')?.options ?? {};
  const keys = Object.keys(functionFileSchema.shape);
  const others = ['file', 'json', 'socket', 'dry-run', 'no-update'];
  const missing = Object.keys(options)
    .filter((option) => !others.includes(option))
    .filter((option) => !keys.includes(KEYS[option] ?? option.replaceAll('-', '_')));
  t.deepEqual(missing, []);
});

/** Keys that say what runs, for which an option would be a second way to write a manifest. */
const OF_A_PROGRAM = [
  'name',
  'package',
  'runtime',
  'interface',
  'handler',
  'environment',
  'working_folder',
  'user',
  'timeout',
  'tmp',
  'network',
];

test('every key is an option of deploy, or of the program that a file alone can name', (t) => {
  const options = COMMANDS.find(({ name }) => name === 'deploy')?.options ?? {};
  const told = Object.keys(options).map((one) => KEYS[one] ?? one.replaceAll('-', '_'));
  const missing = Object.keys(functionFileSchema.shape).filter((key) => !told.includes(key));
  t.deepEqual(missing, OF_A_PROGRAM);
});

test('a promise about memory is written as people say it, and deploy reads the same', (t) => {
  const promiseOf = (text: string) =>
    specOfManifest(check(`name: f\nmemory: 1GiB\nreclaim_slo: ${text}\n`), null).reclaim_slo;
  t.deepEqual(promiseOf('10ms per 1GiB, p99'), { ms_per_gib: 10, percentile: 99 });
  t.deepEqual(promiseOf('1s per 2GiB'), { ms_per_gib: 500, percentile: 99 });
  t.deepEqual(promiseOf('5ms per 128MiB, p50'), { ms_per_gib: 40, percentile: 50 });
  t.throws(() => promiseOf('soon'), { message: /reclaim_slo: must be like '10ms per 1GiB, p99'/ });
  t.throws(() => promiseOf('1ms per 1GiB, p0'), { message: /percentile of 50 to 100/ });
  t.is(specOfManifest(check('name: f\nmemory: 1GiB\ndeadline: 900ms\n'), null).deadline_ms, 900);
});

test('bounds of instances are told as both or one of them', (t) => {
  const instancesOf = (text: string) =>
    specOfManifest(check(`name: f\nmemory: 1GiB\ninstances: ${text}\n`), null).instances;
  t.deepEqual(instancesOf('{min: 1, max: 4}'), { min: 1, max: 4 });
  t.deepEqual(instancesOf('{max: 4}'), { min: 0, max: 4 });
  t.throws(() => instancesOf('{min: 5, max: 4}'), { message: /instances\.min: is above max/ });
  t.is(specOfManifest(check('name: f\nmemory: 1GiB\n'), null).instances, null);
});

test('the published schema is up to date, and refuses what the command does', async (t) => {
  const text = await readFile(FUNCTION_SCHEMA_PATH, 'utf8');
  t.is(text, renderFunctionSchema(), 'run: npm run generate');
  const valid = new Ajv2020({ strict: false }).compile(JSON.parse(text));
  t.true(valid({ name: 'f', memory: '256MiB', keep_alive: 5 }), JSON.stringify(valid.errors));
  for (const wrong of [{ name: 'f' }, { name: 'f', memory: '1GiB', memroy: 1 }]) {
    t.false(valid(wrong));
    t.throws(() => check(JSON.stringify(wrong)));
  }
});

test.serial('a folder is built, listed and deployed, and its program arrives', async (t) => {
  const dir = await scratch(t);
  process.env['HOTPLANE_CACHE'] = join(dir, 'cache');
  t.teardown(() => delete process.env['HOTPLANE_CACHE']);
  const folder = join(dir, 'hello');
  await mkdir(folder);
  const text =
    'name: hello\ncommand: [run, it]\nenvironment: {A: 1}\nmemory: 128MiB\ntimeout: 5s\n';
  await writeFile(join(folder, 'function.yaml'), text);
  await writeFile(join(folder, 'run'), '#!/bin/sh\n');
  const built = await runLine(`function build ${folder}`);
  t.is(built.code, 0, built.err);
  t.regex(built.out, /^hello: 1 file, 10 B; image \d+ KiB {2}\/.*\/image\.erofs\n$/);
  t.regex((await runLine('function list')).out, /^hello: 1 file, 10 B; image /);
  const { client, socket_path } = await serve(t, 16 * GIB);
  const deployed = await runLine(`deploy -f ${folder}/function.yaml --socket ${socket_path}`);
  t.is(deployed.code, 0, deployed.err);
  const { functions } = await client.status('hello');
  const { function: made } = JSON.parse((await runLine(`function build ${folder} --json`)).out);
  t.deepEqual(functions[0]?.function.program, {
    function_key: made.key,
    base_key: null,
    interface: 'lambda',
    command: ['run', 'it'],
    environment: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'LAMBDA_TASK_ROOT=/var/task',
      '_HANDLER=it',
      'A=1',
    ],
    working_folder: '/var/task',
    user: null,
    tmp_bytes: null,
    timeout_ms: 5_000,
  });
  const beside = await runLine(
    `deploy -f ${folder}/function.yaml --vcpus 2 --socket ${socket_path}`,
  );
  t.is(beside.code, 2);
  t.regex(beside.err, /--vcpus is given beside --file/);
});

test.serial(
  'an image is imported, and a manifest of its name runs what the image says',
  async (t) => {
    const dir = await scratch(t);
    process.env['HOTPLANE_CACHE'] = join(dir, 'cache');
    t.teardown(() => delete process.env['HOTPLANE_CACHE']);
    await writeLayout(join(dir, 'layout'), [await tarOf([{ name: 'bin/app', text: 'x' }])]);
    const imported = await runLine(`function import shop oci:${dir}/layout`);
    t.is(imported.code, 0, imported.err);
    t.regex(imported.out, /^shop: 1 file, 1 B; image .*\nruns: \/bin\/app --serve\n$/);
    await writeFile(
      join(dir, 'function.yaml'),
      'name: front\npackage: shop\ninterface: http\nmemory: 128MiB\nenvironment: {A: two}\n',
    );
    const { out, err } = await runLine(`function build ${dir} --json`);
    t.is(err, '');
    t.like(JSON.parse(out).program, {
      interface: 'http',
      command: ['/bin/app', '--serve'],
      environment: ['PATH=/bin', 'A=two'],
      working_folder: null,
    });
    const missing = await runLine(`function import shop oci:${dir}/none`);
    t.not(missing.code, 0);
    t.is((await runLine(`function import shop ${dir}/layout`)).code, 2);
  },
);

test('a new function is a folder for its runtime, and nothing is written over', async (t) => {
  const dir = await scratch(t);
  for (const [runtime, file] of [
    ['python3', 'handler.py'],
    ['python3-numpy', 'handler.py'],
    ['node', 'handler.mjs'],
    ['static', 'server.c'],
  ] as const) {
    const folder = join(dir, `new-${runtime}`);
    t.is((await runLine(`function init ${folder} --runtime ${runtime}`)).code, 0);
    const manifest = check(await readFile(join(folder, 'function.yaml'), 'utf8'));
    t.like(manifest, { name: `new-${runtime}`, runtime });
    t.true((await readFile(join(folder, file), 'utf8')).length > 50);
    const again = await runLine(`function init ${folder} --runtime ${runtime}`);
    t.is(again.code, 5);
    t.regex(again.err, /function\.yaml is there already/);
  }
});

test('a name or an image that is none is told as the word that it is, not as an option', async (t) => {
  for (const [line, sentence] of [
    ['function init Big', /BAD_VALUE: NAME is 'Big'\./],
    ['function import Big oci:x', /BAD_VALUE: NAME is 'Big'\./],
    ['function import shop x', /BAD_VALUE: IMAGE is 'x'\./],
  ] as const) {
    const { code, err } = await runLine(line);
    t.is(code, 2);
    t.regex(err, sentence);
  }
});
