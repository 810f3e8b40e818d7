/** A run again, from its manifest: the options it had, and in words what differs now. Pure. */
import type { Manifest, MechanismRun } from '../results/schema.ts';
import { noOptionsKept, otherTrace } from './errors.ts';
import type { RawReplayOptions } from './options.ts';

/** Its options with those given now in their place. Throws `HP_REPLAY_FROM` when it kept none. */
export function repeatOptions(
  folder: string,
  manifest: Manifest,
  given: RawReplayOptions,
): RawReplayOptions {
  if (manifest.options === null) throw noOptionsKept(folder);
  const now = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...manifest.options, ...Object.fromEntries(now) };
}

/** Options of now that are not those of then, `--name then, now`. */
export function optionDifferences(
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): string[] {
  const names = new Set([...Object.keys(then), ...Object.keys(now)]);
  return [...names].flatMap((name) => told(`--${name}`, then[name] ?? null, now[name] ?? null));
}

/** Another trace is another run: refused, unless it was named on purpose. */
export function checkSameTrace(
  folder: string,
  then: Manifest,
  input: { readonly path: string; readonly sha256: string },
  named_now: boolean,
): string[] {
  const before = then.inputs[0]?.sha256 ?? '';
  if (before === input.sha256) return [];
  if (!named_now) throw otherTrace(folder, input.path, before, input.sha256);
  return told('trace sha256', before, input.sha256);
}

/** What differs before anything runs: sources, Node, host. Load and free memory always do. */
export function hostDifferences(then: Manifest, now: Manifest): string[] {
  const { agent: _then_agent, ...versions_then } = then.versions;
  const { agent: _now_agent, ...versions_now } = now.versions;
  return [
    ...fields('', versions_then, versions_now),
    ...fields('host ', then.host ?? {}, now.host ?? {}),
    ...(then.provenance && now.provenance
      ? [
          ...told('commit', then.provenance.commit, now.provenance.commit),
          ...told('uncommitted changes', then.provenance.is_dirty, now.provenance.is_dirty),
          ...fields('host ', settings(then.provenance.host), settings(now.provenance.host)),
        ]
      : []),
  ];
}

/** What one mechanism ran on: VMM, accelerator, guest kernel, root file system. */
export function runDifferences(then: Manifest, run: MechanismRun): string[] {
  const before = then.mechanisms.find((one) => one.name === run.name);
  if (!before || before.vmm === '' || run.vmm === '') return [];
  return [
    ...told(`${run.name}: VMM`, before.vmm, run.vmm),
    ...told(`${run.name}: accelerator`, before.accelerator, run.accelerator),
    ...told(`${run.name}: guest kernel`, before.guest_kernel, run.guest_kernel),
    ...told(`${run.name}: kernel key`, before.kernel?.key ?? null, run.kernel?.key ?? null),
    ...told(`${run.name}: root file system`, before.rootfs_key, run.rootfs_key),
  ];
}

type HostFacts = NonNullable<Manifest['provenance']>['host'];

/** What somebody set, without what changes by itself. */
function settings(host: HostFacts): Partial<HostFacts> {
  const { load_average: _load, mem_available_bytes: _free, swap_free_bytes: _swap, ...rest } = host;
  return rest;
}

function fields(prefix: string, then: object, now: object): string[] {
  const of_now = new Map<string, unknown>(Object.entries(now));
  return Object.entries(then).flatMap(([name, value]) =>
    told(`${prefix}${name}`, value, of_now.get(name) ?? null),
  );
}

function told(what: string, then: unknown, now: unknown): string[] {
  if (JSON.stringify(then) === JSON.stringify(now)) return [];
  return [`${what}: ${show(then)}, now ${show(now)}`];
}

function show(value: unknown): string {
  if (value === null || value === undefined) return 'not known or not set';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
