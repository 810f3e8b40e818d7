import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import test from 'ava';
import { cacheDir } from '../../base/paths.ts';

const HOME = '/home/me';
const KNOWN_HOME = userInfo().homedir;

const CASES: readonly (readonly [string, NodeJS.ProcessEnv, string])[] = [
  ['nothing set', { HOME }, '/home/me/.cache/hotplane'],
  ['XDG_CACHE_HOME', { HOME, XDG_CACHE_HOME: '/var/cache/me' }, '/var/cache/me/hotplane'],
  ['a relative XDG_CACHE_HOME', { HOME, XDG_CACHE_HOME: 'cache' }, '/home/me/.cache/hotplane'],
  ['an empty XDG_CACHE_HOME', { HOME, XDG_CACHE_HOME: '' }, '/home/me/.cache/hotplane'],
  ['HOTPLANE_CACHE', { HOME, HOTPLANE_CACHE: '/mnt/my cache/' }, '/mnt/my cache'],
  ['a relative HOTPLANE_CACHE', { HOME, HOTPLANE_CACHE: 'rel/c' }, resolve('rel/c')],
  ['a tilde that no shell replaced', { HOME, HOTPLANE_CACHE: '~/c' }, '/home/me/c'],
  ['a tilde alone', { HOME, HOTPLANE_CACHE: '~' }, '/home/me'],
  ['a tilde that is a name', { HOME, HOTPLANE_CACHE: '/a/~b' }, '/a/~b'],
  ['an empty HOME', { HOME: '' }, `${KNOWN_HOME}/.cache/hotplane`],
  ['no HOME', {}, `${KNOWN_HOME}/.cache/hotplane`],
  ['a relative HOME', { HOME: 'me' }, `${KNOWN_HOME}/.cache/hotplane`],
];

for (const [name, env, wanted] of CASES) {
  test(`the cache with ${name}`, (t) => {
    t.is(cacheDir(env), wanted);
  });
}

test('a path that is not UTF-8 is refused, not turned into another one', (t) => {
  t.throws(() => cacheDir({ HOME, HOTPLANE_CACHE: '/a/\ufffd' }), { code: 'HP_CACHE_PATH' });
  t.throws(() => cacheDir({ HOME: '/home/\ufffd' }), { code: 'HP_CACHE_PATH' });
});
