/** Goal: folders of older versions stay readable, and what they do not know reads as null. */
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { readResults } from '../../autoscaler/results/reader.ts';
import { loadSchema } from '../../autoscaler/results/schema.ts';

/** Written before these fields were; it is kept as it was. */
const OLD_FOLDER = fileURLToPath(new URL('fixture', import.meta.url));

test('a folder of an older version reads, and what it does not tell is null', async (t) => {
  const { manifest, invocations, memory } = await readResults(OLD_FOLDER);
  t.is(manifest.options, null);
  t.is(manifest.provenance, null);
  t.deepEqual([manifest.trace.source, manifest.trace.used], [null, null]);
  t.true(manifest.functions.every((one) => one.peak_concurrency === null));
  t.true(manifest.mechanisms.every((one) => one.kernel === null && one.vms.length === 0));
  t.true(invocations.every((line) => line.waited === null && line.guest_touch_cpu_ms === null));
  const checks = memory.filter((line) => line.kind === 'check');
  t.true(checks.length > 0 && checks.every((line) => line.instances_started === null));
});

test('a load line may know nothing, but never more than all of the machine', (t) => {
  const nothing = {
    mechanism: 'static',
    at_ms: 1000,
    interval_ms: 1000,
    other_cpu_share: null,
    own_cpu_share: null,
    steal_share: null,
    psi_cpu_some_share: null,
    psi_memory_some_share: null,
    event_loop_lag_ms: null,
    mem_available_bytes: null,
  };
  t.true(loadSchema.safeParse(nothing).success);
  t.false(loadSchema.safeParse({ ...nothing, own_cpu_share: 1.1 }).success);
});
