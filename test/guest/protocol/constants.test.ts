/** Both sides of the guest protocol hold the same constants, and neither has some of its own. */
import test from 'ava';
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { readVersion } from '../../../base/version.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { HEADER_PATH, renderHeader, WRITE } from '../../../tools/guest-protocol-header.ts';

/** What guests include the header, and the TypeScript that speaks with them. */
const SIDES = [
  'guest/**/*.{c,h,ts}',
  'bench/guest/*.{c,h}',
  'bench/**/*.ts',
  'agent/**/*.ts',
  'hypervisor-client/**/*.{c,h,ts}',
  'test/**/*.{c,h,ts}',
];
const HERE = ['guest/protocol/constants.ts', 'guest/common/protocol_constants.h'];

test('guest/common/protocol_constants.h is up to date', async (t) => {
  t.is(await readFile(HEADER_PATH, 'utf8'), renderHeader(PROTOCOL), `'${WRITE}' writes it anew`);
});

test('a number is a number of C and a string one of its strings', (t) => {
  const header = renderHeader({ line_bytes: 65_536, serial_port: 'a.b.0' });
  t.true(header.includes('\n#define PROTOCOL_LINE_BYTES 65536\n'));
  t.true(header.includes('\n#define PROTOCOL_SERIAL_PORT "a.b.0"\n'));
  t.throws(() => renderHeader({ half: 0.5 }), { message: /no int of C/ });
  t.throws(() => renderHeader({ quoted: 'a"b' }), { message: /needs quotes/ });
});

test('what both sides name is written in one place only', (t) => {
  const names = [PROTOCOL.serial_port, PROTOCOL.user_variable, PROTOCOL.ready_variable];
  const files = globSync(SIDES, { cwd: PROJECT_ROOT }).filter((path) => !HERE.includes(path));
  t.true(files.length > 100);
  const copies = files.flatMap((path) => {
    const text = readFileSync(join(PROJECT_ROOT, path), 'utf8');
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    return names.filter((name) => code.includes(name)).map((name) => `${path}: ${name}`);
  });
  t.deepEqual(copies, []);
});

test('every constant that only the header tells is used by a guest', (t) => {
  const guests = globSync(['guest/**/*.c', 'guest/**/*.h', 'bench/guest/*.c'], {
    cwd: PROJECT_ROOT,
  }).filter((path) => !HERE.includes(path));
  const text = guests.map((path) => readFileSync(join(PROJECT_ROOT, path), 'utf8')).join('\n');
  const unused = Object.keys(PROTOCOL).filter(
    (name) => !new RegExp(`\\bPROTOCOL_${name.toUpperCase()}\\b`).test(text),
  );
  t.deepEqual(unused, []);
});

test("the init tells the project's version in its hello", async (t) => {
  const source = await readFile(join(PROJECT_ROOT, 'guest/init/reply.c'), 'utf8');
  const told = /^#define INIT_VERSION "hotplane-init (.+)"$/m.exec(source)?.[1];
  t.is(told, await readVersion(), 'INIT_VERSION of guest/init/reply.c and version of package.json');
});
