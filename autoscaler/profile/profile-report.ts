/** Everything that is made of an archive, from its files alone: the same files, the same bytes. */
import { join } from 'node:path';
import { jsonDocument } from '../../base/json.ts';
import { replaceFile } from '../results/writer.ts';
import { countedCallsOf } from './access-summary.ts';
import { PROFILE_FILES, readArchive } from './archive.ts';
import { type ProfileSummary, summarizeProfile } from './profile-summary.ts';
import { renderProfile } from './profile-text.ts';
import { renderStageChart } from './stage-chart.ts';

export interface ReportedProfile {
  readonly summary: ProfileSummary;
  /** As text, or as JSON for programs. */
  readonly told: string;
}

/**
 * Writes stages.jsonl, stages.svg and, of counted accesses, counted.json into the folder. Throws
 * HP_RESULTS_*.
 */
export async function reportProfile(
  folder: string,
  { json, signal }: { readonly json: boolean; readonly signal?: AbortSignal },
): Promise<ReportedProfile> {
  const archive = await readArchive(folder, signal);
  const { summary, calls } = summarizeProfile(archive);
  const lines = calls.map((call) => `${JSON.stringify(call)}\n`);
  replaceFile(join(folder, PROFILE_FILES.stages), lines.join(''));
  replaceFile(join(folder, PROFILE_FILES.plot), renderStageChart(summary));
  const counted = countedCallsOf(archive);
  if (counted) replaceFile(join(folder, PROFILE_FILES.counted), jsonDocument(counted));
  const torn = archive.torn_files.map((name) => `${name}: its last line is cut off\n`);
  const text = `${renderProfile(summary, archive.manifest)}${torn.join('')}`;
  return { summary, told: json ? jsonDocument(summary) : text };
}
