/** What a program is told in its environment: by its runtime, its image, and its manifest. */
import test from 'ava';
import { checkYaml, YamlText } from '../../base/yaml.ts';
import { functionFileSchema } from '../../cli/function/manifest.ts';
import { type MadeFunction, programOf } from '../../cli/function/program.ts';

const KEY = 'c0de'.repeat(6);
const CODE = {
  key: KEY,
  image_path: '/k',
  image_bytes: 1,
  content: { files: 1, folders: 0, links: 0, bytes: 1 },
};

function environmentOf(lines: readonly string[], ofImage: readonly string[] | null = null) {
  const text = new YamlText(['name: f', ...lines, ''].join('\n'), 'function.yaml');
  const image = { command: ['/run'], working_folder: null, user: null };
  const config = ofImage && { ...image, environment: [...ofImage] };
  const named = { schema_version: 1, name: 'f', key: KEY, runtime: null, source: '.' } as const;
  const made: MadeFunction = { function: CODE, named: { ...named, config }, runtime: null };
  const manifest = checkYaml(text, functionFileSchema);
  return programOf({ manifest, text, dir: '/' }, made).environment;
}

const nodeOf = (told: readonly string[]) => told.filter((one) => one.startsWith('NODE_OPTIONS='));

for (const [memory, mib] of [
  ['256MiB', 192],
  ['{max: 1GiB, baseline: 128MiB}', 768],
  ['16MiB', 16],
] as const) {
  test(`the heap of Node follows the most that an instance may have: ${memory}`, (t) => {
    const told = environmentOf(['runtime: node', 'handler: a.b', `memory: ${memory}`]);
    t.true(told.includes(`NODE_OPTIONS=--max-old-space-size=${mib}`), told.join(' '));
  });
}

test('Python writes what it prints at once; other programs are told of neither', (t) => {
  const [python = [], with_numpy = []] = ['python3', 'python3-numpy'].map((runtime) =>
    environmentOf([`runtime: ${runtime}`, 'handler: a.b', 'memory: 1GiB']),
  );
  t.true(python.includes('PYTHONUNBUFFERED=1'), python.join(' '));
  t.deepEqual(with_numpy, python);
  const other = environmentOf(['command: [/run]', 'memory: 1GiB']);
  t.notRegex([...python, ...other].join(' '), /NODE_OPTIONS/);
  t.notRegex(other.join(' '), /PYTHON/);
});

for (const [lines, handler] of [
  [['runtime: node', 'handler: a.b'], 'a.b'],
  [['command: [python3, -m, awslambdaric, app.handler]'], 'app.handler'],
  [['command: [/var/task/bootstrap]'], null],
  [['interface: http', 'command: [serve, a.b]'], null],
  [['command: [run, a.b]', 'environment: {_HANDLER: own.one}'], 'own.one'],
] as const) {
  test(`a client of the Lambda Runtime API finds its handler: ${lines.join(', ')}`, (t) => {
    const told = environmentOf([...lines, 'memory: 256MiB']);
    const wanted = handler === null ? [] : [`_HANDLER=${handler}`];
    t.deepEqual(
      told.filter((one) => one.startsWith('_HANDLER=')),
      wanted,
    );
  });
}

test('an image has its way over the runtime, and the manifest over both', (t) => {
  const lines = ['runtime: node', 'command: [/run]', 'memory: 1GiB'];
  const image = ['NODE_OPTIONS=--image'];
  t.deepEqual(nodeOf(environmentOf(lines, image)), image);
  const own = [...lines, 'environment: {NODE_OPTIONS: --own}'];
  t.deepEqual(nodeOf(environmentOf(own, image)), ['NODE_OPTIONS=--own']);
});

test('what an image brings that no program can be given is told before a deploy', (t) => {
  const many = Array.from({ length: 61 }, (_, index) => `V${index}=x`);
  for (const [ofImage, problem] of [
    [['A=x\0y'], /environment \(\d+\): must not hold a NUL/],
    [many, /environment: /],
    [[`A=${'x'.repeat(5_000)}`], /environment \(\d+\): /],
  ] as const) {
    const error = t.throws(() => environmentOf(['memory: 1GiB'], ofImage));
    t.regex(error?.message ?? '', problem);
  }
});
