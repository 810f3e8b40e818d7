/** Writes records until it is killed, and says the head of each that it wrote. */
import { openLedger, runOf } from './made.ts';

const writer = openLedger(process.argv[2] ?? '', { segment_bytes: 20_000 });
for (let nth = 1; nth < 1_000_000; nth += 1) {
  for (let more = 0; more < 7; more += 1) writer.add(runOf(nth, nth));
  writer.flush();
  process.send?.(writer.head);
  if (nth % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
}
