/** The summary of a profile run as text. Pure. */
import { printable } from '../../base/printable.ts';
import type { Distribution } from '../../base/statistics.ts';
import { formatBytes } from '../../base/units.ts';
import type { ProfileManifest } from './archive.ts';
import type { PercentileDifference } from './difference.ts';
import type { Interference } from './interference.ts';
import type { ProfileSummary, StageGroup } from './profile-summary.ts';
import { CALL_STAGE_TEXTS, CALL_STAGES } from './stages.ts';

const NONE = '-';

export function renderProfile(summary: ProfileSummary, manifest: ProfileManifest): string {
  const { test_name, arrivals, outcomes, never_sent, seed, status } = summary;
  const { workload, instances, not_used, seed_is_drawn } = manifest;
  const left = [
    outcomes.refused > 0 ? `${outcomes.refused} refused` : '',
    outcomes.failed > 0 ? `${outcomes.failed} failed` : '',
    outcomes.interrupted > 0 ? `${outcomes.interrupted} interrupted` : '',
    never_sent > 0 ? `${never_sent} never sent` : '',
  ].filter((one) => one !== '');
  const drawn = seed_is_drawn ? ', drawn (the file has none)' : '';
  return `${[
    `${printable(test_name)}: ${arrivals} arrivals of ${instances.length} instances in ` +
      `${workload.duration_s} s, seed ${seed}${drawn}; ${[`${outcomes.done} done`, ...left].join(', ')}`,
    ...(status === 'complete' ? [] : [`this run is ${status}: its figures are of a part`]),
    ...emulationLines(manifest),
    '',
    ...errorLines(summary),
    '',
    ...stageLines(summary.groups),
    '',
    ...summary.interference.map(interferenceLine),
    ...accessLines(summary),
    ...counterLines(summary),
    ...summary.not_counted.map(({ what, why }) => `not counted: ${what}: ${why}`),
    ...instances
      .filter(({ stands_in }) => stands_in)
      .map(({ name, application }) => {
        const who = `${printable(name)}: the built-in function stands in for`;
        return `${who} ${printable(application)}, with work of its own`;
      }),
    ...not_used.map(({ key, why }) => `not used of the workload: ${printable(key)}: ${why}`),
  ].join('\n')}\n`;
}

function emulationLines({ functions }: ProfileManifest): string[] {
  if (!functions.some(({ accelerator }) => accelerator === 'tcg')) return [];
  return [
    'Under TCG (an emulated CPU) no absolute time is a claim: compare within this host only.',
  ];
}

function errorLines({ arrival_error, received_error, ...summary }: ProfileSummary): string[] {
  const told = (one: Distribution): string =>
    `p50 ${ms(one.p50_ms)}, p99 ${percentileText(one, 'p99_ms')}, most ${ms(one.max_ms)}`;
  const { latest_ms, earliest_ms } = summary;
  const late = Math.max(0, latest_ms ?? 0);
  const early = Math.max(0, 0 - (earliest_ms ?? 0));
  return [
    `arrival error |sent - due|, ms   ${told(arrival_error)} (${ms(late)} late, ${ms(early)} early), ` +
      `n = ${arrival_error.n}`,
    `at the agent, received - due, ms ${told(received_error)}`,
  ];
}

/** A group has a row of medians and one of 99th percentiles. */
function stageLines(groups: readonly StageGroup[]): string[] {
  if (groups.length === 0) return ['no call was done: there are no stages to tell'];
  const head = ['ms', 'n', '', ...CALL_STAGES.map(spaced), 'whole', 'unplug', 'n'];
  const rows = groups.flatMap((group) => {
    const { instance, cold, done, stages, whole, unplug } = group;
    const cells = (of: (one: Distribution) => string): string[] =>
      [...CALL_STAGES.map((stage) => stages[stage]), whole, unplug].map(of);
    const name = `${printable(instance, 40)} ${cold ? 'cold' : 'warm'}`;
    const high = (share: 'p95_ms' | 'p99_ms'): string[][] =>
      whole[share] === undefined
        ? []
        : [['', '', share.slice(0, 3), ...cells((one) => percentileText(one, share)), '']];
    return [
      [name, `${done}`, 'p50', ...cells((one) => ms(one.p50_ms)), `${unplug.n}`],
      ...high('p95_ms'),
      ...high('p99_ms'),
    ];
  });
  const explained = Object.entries(CALL_STAGE_TEXTS).map(
    ([stage, meaning]) => `  ${spaced(stage)}: ${meaning}`,
  );
  return [...inColumns([head, ...rows]), '', ...explained];
}

/** Rows of medians; what the calls had beside their regions comes last. */
function accessLines({ accesses, access_cache }: ProfileSummary): string[] {
  if (accesses === null) return [];
  if (accesses.length === 0) return ['no call was done whose accesses are known', ''];
  const head = ['accesses of a call, p50', 'n', 'instructions', 'loads', 'stores', 'filled lines'];
  const rows = accesses.map(({ instance, cold, counted, ...one }) => [
    `${printable(instance, 40)} ${cold ? 'cold' : 'warm'}`,
    `${counted}`,
    ...[one.instructions, one.loads, one.stores, one.fills, one.boot_fills].map(whole),
  ]);
  return [
    ...inColumns([[...head, 'boot memory'], ...rows]),
    `  counted in an emulated machine, one call at a time; cache: ${access_cache ?? NONE}`,
    '  instructions of the whole VM, the rest in the region of the instance; the last column: lines',
    '  of ordinary memory',
    '',
  ];
}

const whole = (value: number | null): string =>
  value === null ? NONE : Math.round(value).toLocaleString('en');

/** What the unplugs of other functions cost. */
function interferenceLine({ instance, alone, met, p50, p95 }: Interference): string {
  return (
    `${printable(instance, 40)} warm, ${alone} calls alone and ${met} that met an unplug of another ` +
    `function, whole, ms: ${differenceText('p50', p50)}, ${differenceText('p95', p95)}`
  );
}

function differenceText(percent: string, found: PercentileDifference | null): string {
  if (!found) return `${percent} of too few`;
  const { a_ms, b_ms, difference_ms, low_ms, high_ms, verdict } = found;
  const range = low_ms === null ? '' : `, 95 %: ${ms(low_ms)} to ${ms(high_ms)}`;
  return `${percent} ${ms(a_ms)} and ${ms(b_ms)} (${ms(difference_ms)}${range}: ${verdict})`;
}

function counterLines({ groups, operations, host, resident_bytes_max }: ProfileSummary): string[] {
  const guests = groups.map((group) => {
    const name = `${printable(group.instance, 40)} ${group.cold ? 'cold' : 'warm'}`;
    const { minor_faults, guest_cpu_ms, first_touch_cpu_ms, anonymous_bytes } = group;
    const anonymous = anonymous_bytes === null ? NONE : formatBytes(Math.round(anonymous_bytes));
    return (
      `${name}, mean of a call: ${minor_faults?.toFixed(0) ?? NONE} minor faults, ` +
      `${ms(guest_cpu_ms)} ms of guest CPU (${ms(first_touch_cpu_ms)} until its first byte), ` +
      `${anonymous} anonymous`
    );
  });
  const { plugs, unplugs, not_done, pages_migrated } = operations;
  const resident = resident_bytes_max === null ? NONE : formatBytes(resident_bytes_max);
  return [
    ...guests,
    `${plugs} plugs, ${unplugs} unplugs, ${not_done} not done; ` +
      `${pages_migrated ?? 'not known how many'} pages migrated; VMs held at most ${resident}`,
    `host: ${percent(host.own_cpu_share)} of its CPU ours, ${percent(host.other_cpu_share)} others', ` +
      `${percent(host.steal_share)} stolen; waited for CPU ${percent(host.psi_cpu_some_share)}, ` +
      `for memory ${percent(host.psi_memory_some_share)} of the time`,
  ];
}

/** Columns wide enough for their cells. */
export function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    rows.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

export const spaced = (stage: string): string => stage.replace('_', ' ');

export function ms(value: number | null): string {
  if (value === null) return NONE;
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** One that the sample is too small for is not told. */
function percentileText(one: Distribution, name: 'p95_ms' | 'p99_ms'): string {
  const value = one[name];
  return value === undefined ? NONE : ms(value);
}

const percent = (share: number | null): string =>
  share === null ? 'not known' : `${(share * 100).toFixed(0)} %`;
