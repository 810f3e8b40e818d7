/** `top` fits whatever terminal it is shown in. */
import test from 'ava';
import { topLines } from '../../cli/top-view.ts';
import { MIB } from '../../base/units.ts';
import { serve } from '../agent/api/serving.ts';
import { elasticAgent } from '../agent/http/elastic-agent.ts';
import { specOf } from '../agent/core/world.ts';

test('the columns that fit are shown, and what has no room is counted', async (t) => {
  const { client } = await serve(t);
  const names = ['small', 'large', 'a-name-that-is-longer-than-any-column-for-names-may-be'];
  for (const name of names) {
    const boot_bytes = (name === 'large' ? 512 : 256) * MIB;
    await client.deploy(specOf(name, { boot_bytes }));
  }
  const status = await client.status();
  for (const columns of [20, 40, 80, 200]) {
    for (const rows of [5, 24]) {
      const lines = topLines(status, { columns, rows });
      t.true(
        lines.every((line) => line.length <= columns),
        `${columns} columns`,
      );
      t.true(lines.length <= rows, `${rows} rows`);
    }
  }
  const wide = topLines(status, { columns: 200, rows: 24 });
  t.regex(wide[0] ?? '', /^hotplane 1\.2\.3 {2}1 GiB of 4 GiB granted \(25 %\), 3 GiB free$/);
  t.regex(wide[1] ?? '', /^3 functions, 3 VMs, 0 busy, 0 idle, 0 queued$/);
  t.regex(wide[3] ?? '', /^FUNCTION +VM +BUSY +IDLE +QUEUE +PERMITS +RESIDENT +BOOT/);
  t.regex(wide[4] ?? '', /^large +running +0 +0 +0 +0 B +\S+ \S+ +512 MiB/);
  t.regex(topLines(status, { columns: 80, rows: 6 }).at(-1) ?? '', /^and 2 more functions$/);
});

test('elastic memory and spans have columns where a function has them, first where it is said', async (t) => {
  const { client } = await elasticAgent(t, 1);
  const status = await client.status();
  const wide = { columns: 200, rows: 24 };
  const [usual, first] = [
    topLines(status, wide),
    topLines(status, { ...wide, memory_first: true }),
  ];
  const titles = 'BASELINE +NOW +MAX +WAITS +ABOVE +SPANS +IN SPANS';
  t.regex(usual[3] ?? '', new RegExp(`RESIDENT +${titles} +BOOT`));
  t.regex(first[3] ?? '', new RegExp(`^FUNCTION +${titles} +VM`));
  const cells = '128 MiB +320 MiB +512 MiB +1 +\\d\\.\\d GiB s +1 +256 MiB';
  t.regex(first[4] ?? '', new RegExp(`^train-0 +${cells} +running`));
  t.regex(first[5] ?? '', /^plain +- +- +- +- +- +- +- +running/);
  const plain = { ...status, functions: status.functions.filter(({ memory }) => !memory) };
  t.notRegex(topLines(plain, { ...wide, memory_first: true })[3] ?? '', /BASELINE|SPANS/);
});
