/**
 * The examples of hypervisor-client/cloud-hypervisor/README.md run, in their order and as one
 * program of a project that installed this package, against the fake. Only paths and waits are
 * exchanged.
 */
import test from 'ava';
import { execa } from 'execa';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { FAKE_PROGRAM } from '../../../hypervisor-client/testing/fake-cloud-hypervisor/index.ts';
import { installPackage } from '../../package/installed.ts';
import { bootedStage } from './stage.ts';

const README = join(PROJECT_ROOT, 'hypervisor-client', 'cloud-hypervisor', 'README.md');
const DEADLINE_MS = 120_000;

/** What must be there between two examples: block number -> lines before it. */
const SEAMS: Readonly<Record<number, string>> = {
  1: 'await ch.lifecycle.delete();',
  2: 'const bytes = 2 * 2 ** 20 + 2 ** 29; // set already by the example before',
};

function driverOptions(root: string): string {
  const settings = JSON.stringify({ proc_root: root, hello: '' });
  const command = JSON.stringify([process.execPath, FAKE_PROGRAM, '--fake', settings]);
  const probe = "async () => ({ accelerator: 'kvm', reason: 'the fake needs none' })";
  return `command: ${command}, proc_root: ${JSON.stringify(root)}, probeAccelerator: ${probe}`;
}

/** The blocks of the page, with places of this machine and of this test. */
async function readExamples(root: string): Promise<string[]> {
  const text = await readFile(README, 'utf8');
  const places: readonly (readonly [string, string])[] = [
    ["command: ['/usr/bin/cloud-hypervisor']", driverOptions(root)],
    ['AbortSignal.timeout(60_000)', 'AbortSignal.timeout(500)'],
    ['/run/vm1/', `${root}/`],
    ['/run/hotplane/', `${root}/`],
    ['/images/', `${root}/`],
    ['/tmp/ch.sock', `${root}/example.sock`],
  ];
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    places.reduce((code, [ours, here]) => code.replaceAll(ours, here), block),
  );
}

test('the examples of the page run', async (t) => {
  const { root } = await bootedStage(t);
  await writeFile(join(root, 'vmlinux'), 'fake-kernel\n');
  await writeFile(join(root, 'initrd'), 'fake-initrd\n');
  const { folder } = await installPackage(t);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  const examples = await readExamples(root);
  t.is(examples.length, 6);
  const program = join(folder, 'examples.ts');
  await writeFile(program, examples.map((code, at) => `${SEAMS[at] ?? ''}\n${code}`).join('\n'));
  const ran = await execa(process.execPath, [program], {
    cwd: folder,
    reject: false,
    timeout: DEADLINE_MS,
  });
  t.is(ran.exitCode, 0, `${ran.stdout}\n${ran.stderr}`);
  t.log(ran.stdout);
  for (const line of [
    /^v?53\.0\.0 true Running \d+$/m,
    /^0 records lost$/m,
    /^done 536870912 \d+$/m,
  ])
    t.regex(ran.stdout, line);
});
