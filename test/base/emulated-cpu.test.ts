import test from 'ava';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { emulatedCpu } from '../../base/emulated-cpu.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';

const OLD = 'max,-erms,-fsrm';
const NEW = 'max,-erms,-fsrm,-fzrm,-fsrs,-fsrc';

for (const [version, cpu] of [
  ['7.2.22', OLD],
  ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003-2022', OLD],
  ['8.0.5', OLD],
  ['8.1.0', NEW],
  ['QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)', NEW],
  ['11.0', NEW],
  ['no version', OLD],
] as const) {
  test(`QEMU ${JSON.stringify(version.slice(0, 40))} emulates ${cpu}`, (t) => {
    t.is(emulatedCpu(version), cpu);
  });
}

test('whoever starts QEMU under TCG takes its CPU from here', (t) => {
  const pattern = '{hypervisor-client,images,agent,autoscaler,bench,cli,test}/**/*.ts';
  const sources = globSync(pattern, { cwd: PROJECT_ROOT }).map((path) => ({
    path,
    text: readFileSync(join(PROJECT_ROOT, path), 'utf8'),
  }));
  const starting = sources.filter(({ text }) => text.includes('tcg,thread='));
  t.true(starting.length > 2);
  const tables = sources.filter(({ path }) => path === 'hypervisor-client/qemu/machines.ts');
  t.is(tables.length, 1);
  const others = [...starting, ...tables].filter(
    ({ text }) => !text.includes("base/emulated-cpu.ts'") && !/[^.]\bQEMU_MACHINES\[/.test(text),
  );
  t.deepEqual(
    others.map(({ path }) => path),
    [],
  );
});
