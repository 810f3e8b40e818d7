/**
 * Goal: a result folder says exactly what was run, and is enough to run it again; what differs
 * then is told in words. A run that came to nothing leaves its folder free.
 */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { readResults } from '../../autoscaler/results/reader.ts';
import { HotplaneError } from '../../base/errors.ts';
import { FACTS, PROVENANCE, rig, SAMPLE } from './replay-rig.ts';

test('the manifest says what ran: options, sources, kernel, root file system, VMM, host', async (t) => {
  const { out, run } = rig(t);
  await run();
  const { manifest } = await readResults(out);
  t.like(manifest.options, { trace: SAMPLE, speedup: '20', 'keep-alive': '120', vmm: 'auto' });
  t.false(Object.keys(manifest.options ?? {}).includes('out'));
  const binary = { path: '/usr/bin/fake-vmm', bytes: 7, sha256: 'f00d' };
  t.deepEqual(manifest.provenance, { ...PROVENANCE, vmm_binary: binary });
  t.regex(manifest.trace.source ?? '', /In-Vitro/);
  t.deepEqual([manifest.trace.rows_total, manifest.trace.rows_used], [199, 101]);
  t.true((manifest.trace.used?.span_ms ?? 0) > 0);
  for (const one of manifest.mechanisms) {
    t.deepEqual(one.kernel, { variant: 'hotmem', series_revision: '5', key: 'cafe' });
    t.is(one.rootfs_key, 'beef');
    t.is(one.vms.length, 4);
    t.deepEqual(one.vms[0]?.vmm_command.slice(0, 2), ['fake-vmm', '-name']);
  }
});

test('--from makes the same plan and the same lines again', async (t) => {
  const { out, run, repeat } = rig(t, {}, { mechanism: 'virtio-mem', seed: '7' });
  await run();
  const first = await readResults(out);
  const again = await repeat(out);
  t.deepEqual(again.manifest.functions, first.manifest.functions);
  t.deepEqual(again.manifest.window, first.manifest.window);
  t.deepEqual(again.manifest.options, first.manifest.options);
  t.deepEqual(
    again.invocations.map((line) => [line.invocation_id, line.planned_at_ms, line.function]),
    first.invocations.map((line) => [line.invocation_id, line.planned_at_ms, line.function]),
  );
  const { repeat_of } = again.manifest;
  t.is(repeat_of?.folder, out);
  t.deepEqual(repeat_of?.differences, []);
});

test('what differs from the repeated run is told, before it runs and as VMs come up', async (t) => {
  const first = rig(t, {}, { mechanism: 'virtio-mem' });
  await first.run();
  const host = { ...PROVENANCE.host, thp_enabled: 'never', load_average: [9, 9, 9] };
  const facts = {
    ...FACTS,
    host: { ...FACTS.host, cpu_model: 'other' },
    provenance: { ...PROVENANCE, commit: 'beef', host },
  };
  const second = rig(t, { vmm: 'fake 2.0' }, {}, false, { facts });
  const { manifest } = await second.repeat(first.out, { speedup: '40' });
  t.deepEqual(manifest.repeat_of?.differences, [
    '--speedup: 20, now 40',
    'host cpu_model: cpu, now other',
    'commit: c0ffee, now beef',
    'host thp_enabled: madvise, now never',
    'virtio-mem: VMM: fake 1.0, now fake 2.0',
  ]);
  t.is(second.notes.filter((note) => note.startsWith('differs from')).length, 5);
});

test('a trace that is not the same any more is refused, unless another one is named', async (t) => {
  const { out, repeat, run } = rig(t, {}, { mechanism: 'static' });
  const copy = join(dirname(out), 'copy.csv');
  copyFileSync(SAMPLE, copy);
  const own = rig(t, {}, { mechanism: 'static', trace: copy });
  await own.run();
  appendFileSync(copy, '\na,f,9,1\n');
  const error = await t.throwsAsync(own.repeat(own.out), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_FROM');
  t.is(error.exit_code, 5);
  t.regex(error.message, /SHA-256/);
  t.false(existsSync(join(dirname(own.out), 'again')));
  await run();
  const { manifest } = await repeat(out, { trace: copy });
  t.true(manifest.repeat_of?.differences.some((one) => one.startsWith('trace sha256')));
});

test('a folder that kept no options cannot be repeated, and says what to do', async (t) => {
  const { repeat } = rig(t);
  const fixture = new URL('fixture', import.meta.url).pathname;
  const error = await t.throwsAsync(repeat(fixture), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_FROM');
  t.is(error.exit_code, 2);
});

test('an agent that does not answer leaves no folder, and the corrected command works', async (t) => {
  const failing = rig(t, {}, { mechanism: 'static' }, true, {
    openAgent: async (out) => {
      out.make();
      writeFileSync(out.log_path, 'no such VMM: foo\n');
      throw new Error('the agent did not start');
    },
  });
  await t.throwsAsync(failing.run(), { message: 'the agent did not start' });
  t.false(existsSync(failing.out));
  t.true(failing.notes.some((note) => note.includes('no such VMM: foo')));
});

test('a folder that was there before, with files of others, stays as it was', async (t) => {
  const failing = rig(t, {}, { mechanism: 'static' }, false, {
    openAgent: async (out) => {
      out.make();
      throw new Error('nobody listens');
    },
  });
  mkdirSync(failing.out);
  writeFileSync(join(failing.out, 'note.txt'), 'mine');
  await t.throwsAsync(failing.run(), { message: 'nobody listens' });
  t.deepEqual(readdirSync(failing.out), ['note.txt']);
});

test('Ctrl-C before the agent answered leaves nothing and says so', async (t) => {
  const setup = rig(t, {}, { mechanism: 'static' }, false, {
    openAgent: async () => {
      setup.abort.abort();
      throw new Error('aborted');
    },
  });
  const error = await t.throwsAsync(setup.run(), { instanceOf: HotplaneError });
  t.is(error.code, 'HP_REPLAY_INTERRUPTED');
  t.regex(error.message, /nothing was written/);
  t.false(existsSync(setup.out));
});

test('a run whose results could not be read again is refused before anything starts', async (t) => {
  let opened = false;
  const setup = rig(t, {}, { vmm: 'x'.repeat(5_000) }, false, {
    openAgent: async () => {
      opened = true;
      throw new Error('must not be asked');
    },
  });
  const error = await t.throwsAsync(setup.run(), { instanceOf: HotplaneError });
  t.is(error.exit_code, 2);
  t.regex(error.message, /could not be read again: options\.vmm/);
  t.false(opened);
  t.false(existsSync(setup.out));
});

test('a peak that one VM cannot have is told before the run, and stands in the manifest', async (t) => {
  const folder = dirname(rig(t).out);
  const trace = join(folder, 'peak.csv');
  const rows = Array.from({ length: 300 }, (_, index) => `a,f,${100 + index / 1000},90`);
  writeFileSync(trace, `app,func,end_timestamp,duration\n${rows.join('\n')}\n`);
  const extra = { trace, functions: '1', concurrency: 'peak', mechanism: 'static' };
  const setup = rig(t, {}, extra);
  await setup.run();
  t.true(setup.notes.some((note) => /300 instances at its peak and has 256/.test(note)));
  const manifest = readFileSync(join(setup.out, 'manifest.json'), 'utf8');
  t.regex(manifest, /"peak_concurrency": 300/);
});
