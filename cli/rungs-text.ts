/** How ready a function's memory stands, as `hotplane status` tells it. Pure. */
import type { FunctionStatus } from '../agent/model/messages.ts';
import type { RungStatus } from '../agent/model/pool-messages.ts';

/** How ready its memory stands, where anybody wants any so or somebody looked. */
export function rungsText({
  rungs,
  function: { pool },
}: {
  readonly rungs: FunctionStatus['rungs'];
  readonly function: Pick<FunctionStatus['function'], 'pool'>;
}): string {
  const told = rungs.filter(({ rung, asked, want, have }) => {
    if (rung === 'populated' && !have && !asked) return false;
    return asked !== null && (pool !== null || asked > 0 || (want ?? 0) > 0 || (have ?? 0) > 0);
  });
  return told
    .map((one, at) => `${at === 0 ? '  ready       ' : INDENT}${rungText(one)}\n`)
    .join('');
}

const INDENT = ' '.repeat(14);

function rungText({ rung, have, want, asked, hits, hit_percent, idle_gib_s }: RungStatus): string {
  const wanted = want === null ? '' : ` of ${want} wanted`;
  const who = rung === 'warm' ? 'calls found one' : 'starts found one';
  const share = hit_percent === null ? '' : ` (${hit_percent.toFixed(1)} %)`;
  return (
    `${have ?? 0} ${rung}${wanted}; ${hits ?? 0} of ${asked ?? 0} ${who}` +
    `${share}; ${(idle_gib_s ?? 0).toFixed(3)} GiB s idle`
  );
}
