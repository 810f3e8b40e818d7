/**
 * What stood ready over time in a live run, as the simulator tells it of its own: the core is told
 * again what it was told, and its books are looked at where each hundredth of the window ends. The
 * run itself is not looked at more often for that.
 */
import { join } from 'node:path';
import { makeFolder } from '../../base/make-folder.ts';
import { writeWhole } from '../../base/files.ts';
import { readEvents, readManifest } from '../results/reader.ts';
import type { RunFigures } from '../results/simulation.ts';
import { checkOneAgent, notRecorded } from './errors.ts';
import { readyFigures } from './ready.ts';
import { ReadyWatch, totalOfParts } from './ready-parts.ts';
import { Player } from './recorded-player.ts';
import { renderRungs, RUNGS_FILES, rungsCsv } from './rungs-plot.ts';

type RungsRun = Pick<RunFigures, 'name' | 'ready' | 'window_ms'>;

/** A mechanism of it, by the host's clock. */
interface Watched {
  readonly player: Player;
  readonly watch: ReadyWatch;
}

/**
 * Writes rungs.csv and rungs.svg of a result folder into another one, or itself. Throws
 * `HP_RESULTS_*`, HP_SIMULATE_NOT_RECORDED.
 */
export async function writeLiveRungs(
  folder: string,
  into: string,
  signal: AbortSignal,
): Promise<void> {
  const runs = await liveRungs(folder, signal);
  const svg = renderRungs({ simulated: false, runs });
  if (svg === null) throw notRecorded(folder, 'tells of no event in its window');
  await makeFolder(into);
  await writeWhole(join(into, RUNGS_FILES.csv), rungsCsv({ runs }));
  await writeWhole(join(into, RUNGS_FILES.svg), svg);
}

async function liveRungs(folder: string, signal: AbortSignal): Promise<RungsRun[]> {
  const manifest = await readManifest(folder);
  checkOneAgent(folder, manifest);
  const { window_ms } = manifest.window;
  const all = new Map<string, Watched>();
  let read = 0;
  await readEvents(
    folder,
    (line) => {
      read += 1;
      const { mechanism, host_ms } = line;
      const known = all.get(mechanism) ?? watched(mechanism);
      all.set(mechanism, known);
      const { state } = known.player;
      if (state) known.watch.until(host_ms, state);
      known.player.play(line, read);
    },
    signal,
  );
  if (read === 0) throw notRecorded(folder, 'has no events.jsonl, or an empty one');
  return [...all.values()].flatMap(({ player, watch }) => {
    if (!player.state) return [];
    const parts = watch.finish(player.state);
    const { mechanism, policy } = player.told();
    const ready = readyFigures(totalOfParts(parts), parts);
    return { name: `${policy}, ${mechanism}`, window_ms, ready };
  });

  function watched(mechanism: string): Watched {
    const player = new Player(folder, manifest, mechanism);
    return { player, watch: new ReadyWatch(window_ms, player.start_ms) };
  }
}
