/**
 * How long a large ledger takes to be verified, on one core:
 *
 *   node test/ledger/large-ledger.ts [GIGABYTES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { segmentsIn } from '../../ledger/segments.ts';
import { verify } from '../../ledger/verify.ts';
import { openLedger, runOf } from './made.ts';

const GB = 1e9;
const wanted_bytes = Number(process.argv[2] ?? '1') * GB;
const folder = mkdtempSync(join(tmpdir(), 'hp-large-ledger-'));

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

try {
  const writer = openLedger(folder, { kept_bytes: 2 * wanted_bytes });
  const write_begin = process.cpuUsage();
  let [nth, bytes] = [0, 0];
  while (bytes < wanted_bytes) {
    for (let more = 0; more < 50_000; more += 1) {
      nth += 1;
      writer.add(runOf(1_000 + nth, nth, [Math.max(1, nth - 1)]));
      if (nth % 128 === 0) writer.flush();
    }
    bytes = segmentsIn(folder).reduce((sum, one) => sum + one.bytes, 0);
  }
  writer.close();
  const write_s = cpuSeconds(write_begin);
  const begin = process.cpuUsage();
  const { records, bad } = verify(folder, [writer.head]);
  const verify_s = cpuSeconds(begin);
  const per_gb = (verify_s * GB) / bytes;
  const line = { bytes, records, write_cpu_s: write_s, verify_cpu_s: verify_s, bad };
  process.stdout.write(`${JSON.stringify({ ...line, verify_cpu_s_per_gb: per_gb })}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
