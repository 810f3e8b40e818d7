import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { badCharacter } from '../../images/cache/build-path.ts';
import { ensureKernel } from '../../images/kernel/build.ts';
import { compilerVersion } from '../../images/rootfs/compiler.ts';
import { kernelParts, recipeOf } from '../../images/kernel/recipe.ts';
import { findKernelSource } from '../../images/kernel/source.ts';
import { silentProgress } from '../../base/progress.ts';
import { compiled, world } from './build-world.ts';

const BAD: readonly (readonly [string, string])[] = [
  ['my cache', ' '],
  ['a:b', ':'],
  ['tab\there', '\t'],
  ['line\nbreak', '\n'],
  ['100%', '%'],
  ['$HOME', '$'],
  ["it's", "'"],
  ['a#b', '#'],
  ['(1)', '('],
  ['back\\slash', '\\'],
];

for (const [name, character] of BAD) {
  test(`in a folder named ${JSON.stringify(name)} no kernel is built, told before work begins`, async (t) => {
    const { dir, kernel, patches } = await world(t);
    const cache_dir = join(dir, name);
    const source = await findKernelSource(kernel.tree, cache_dir);
    const recipe = recipeOf(await kernelParts('stock', patches), source, await compilerVersion());
    const options = { cache_dir, progress: silentProgress };
    const error = await t.throwsAsync(ensureKernel(source, recipe, options), {
      code: 'HP_IMAGE_CACHE_PATH',
    });
    t.like(error, { category: 'usage', details: { character } });
    t.deepEqual(await readdir(cache_dir), [], 'nothing was begun');
    t.deepEqual(await compiled(kernel), []);
    const link = join(dir, 'plain');
    await symlink(cache_dir, link);
    const through = ensureKernel(source, recipe, { ...options, cache_dir: link });
    await t.throwsAsync(through, { code: 'HP_IMAGE_CACHE_PATH' }, 'make follows links');
  });
}

test('letters of every script, digits and the usual signs are taken', async (t) => {
  t.is(badCharacter('/home/jörg/キャッシュ/hot-plane_0.1+x,y@z=~1'), null);
  const { dir, build } = await world(t);
  const cache_dir = join(dir, 'jörg-0.1+x');
  await mkdir(cache_dir);
  t.true((await build({ cache_dir })).kernel_path.startsWith(cache_dir));
});
