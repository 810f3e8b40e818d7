/** The table of differences in the docs is the one the suite asserts. */
import test from 'ava';
import { readFile } from 'node:fs/promises';
import { PAGE_PATH, renderPage } from './drivers-page.ts';
import { PROFILES, QEMU } from '../../../hypervisor-client/testing/conformance/profiles.ts';

test('docs/drivers.md is up to date', async (t) => {
  const next = "'node test/hypervisor-client/conformance/drivers-page.ts' writes it anew";
  t.is(await readFile(PAGE_PATH, 'utf8'), renderPage(PROFILES), next);
});

test('each driver is a column, each difference a line', (t) => {
  const page = renderPage([QEMU, { ...QEMU, title: 'other', devices_per_vm: 7 }]);
  t.true(page.includes('\n|  | `qemu` | `other` |\n'));
  t.true(page.includes('\n| memory devices of one VM, at most | 192 | 7 |\n'));
});
