import { JSON_OPTION, type Command } from '../command.ts';

export const profileCompareCommand: Command = {
  name: 'profile compare',
  summary: 'two profile runs against each other, stage by stage, with intervals',
  positionals: ['A', 'B'],
  options: {
    seed: { value: 'N', summary: 'of the calls that are drawn again', default: '1' },
    json: JSON_OPTION,
  },
  help: `
Reads the archives of two runs and nothing else. For each instance of the workload, cold and warm
calls apart, and each stage: median, p95 and p99 in both, their difference with the interval in
which 95 % of the differences of resampled calls lie, and whether that can be told from noise: all
of the interval is on one side of 0. What else differs between the runs (workload, seed,
definitions, versions, host) is told first. p95 is told from 20 calls on, p99 from 100; of fewer
than 6 calls there is no interval.

Example:
  hotplane profile compare first second
`,
  async run({ values, positionals, stdout, signal }) {
    const [{ readArchive }, { compareProfiles }, { renderProfileComparison }, { jsonDocument }] =
      await Promise.all([
        import('../../autoscaler/profile/archive.ts'),
        import('../../autoscaler/profile/profile-compare.ts'),
        import('../../autoscaler/profile/profile-compare-text.ts'),
        import('../../base/json.ts'),
      ]);
    const seed = values.whole('seed', 0, 2 ** 31 - 1);
    const [folder_a = '', folder_b = ''] = positionals;
    const a = { folder: folder_a, archive: await readArchive(folder_a, signal) };
    const b = { folder: folder_b, archive: await readArchive(folder_b, signal) };
    const comparison = compareProfiles(a, b, seed);
    stdout.write(
      values.flag('json') ? jsonDocument(comparison) : renderProfileComparison(comparison),
    );
  },
};
