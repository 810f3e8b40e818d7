/** What apt says it would fetch is read as packages and versions, whatever else it says. */
import test from 'ava';
import { parseUris } from '../../../images/runtimes/debian.ts';
import { isWantedPackage, isWantedPath } from '../../../images/runtimes/recipes.ts';

test('lines of apt become packages by name, with the versions that apt takes', (t) => {
  const said = [
    "'http://a.example/z.deb' zlib1g_1%3a1.2.13.dfsg-1_amd64.deb 86672 SHA256:ab",
    'NOTE: something else',
    "'http://a.example/p.deb' python3.11_3.11.2-6+deb12u9_amd64.deb 573044 ",
    '',
  ];
  t.deepEqual(parseUris(said.join('\n')), [
    { name: 'python3.11', version: '3.11.2-6+deb12u9' },
    { name: 'zlib1g', version: '1:1.2.13.dfsg-1' },
  ]);
  t.deepEqual(parseUris(''), []);
});

test('what only installs or documents is left out', (t) => {
  t.deepEqual(['dpkg', 'libc6', 'openssl', 'libssl3'].filter(isWantedPackage), [
    'libc6',
    'libssl3',
  ]);
  const paths = ['usr/share/doc/x', 'usr/share/zoneinfo/UTC', 'usr/lib/python3.11/doc.py'];
  t.deepEqual(paths.filter(isWantedPath), ['usr/share/zoneinfo/UTC', 'usr/lib/python3.11/doc.py']);
});
