/** Goal: output that is lost is counted, and told as soon as anything gets through again. */
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { lostNotice, Output } from '../../base/output.ts';

/** A reader that takes nothing while `waiting_bytes` is above the backlog of 10. */
function slowReader(t: ExecutionContext) {
  const reader = { waiting_bytes: 0, texts: new Array<string>() };
  // A folder is no plain file, so that text goes through the stream.
  const fd = openSync(tmpdir(), 'r');
  t.teardown(() => closeSync(fd));
  const stream = {
    get writableLength() {
      return reader.waiting_bytes;
    },
    write: (text: string) => reader.texts.push(text) > 0,
    on: () => undefined,
  };
  const output = new Output({ fd, stream: () => stream, backlog_bytes_max: 10, lostNotice });
  return { reader, output };
}

test('lines that were lost are told before the next that gets through, once', (t) => {
  const { reader, output } = slowReader(t);
  output.write('one\n');
  reader.waiting_bytes = 11;
  output.write('two\nthree\n');
  output.write('four\n');
  reader.waiting_bytes = 0;
  output.write('five\n');
  output.write('six\n');
  const told = 'hotplane: 3 lines of the log were lost.\nfive\n';
  t.deepEqual(reader.texts, ['one\n', told, 'six\n']);
  t.is(output.dropped, 2);
});

test('a log of JSON lines stays one, and the end tells what nothing followed', (t) => {
  const { reader, output } = slowReader(t);
  output.tellLost();
  reader.waiting_bytes = 11;
  output.write('{"level":30}\n');
  output.tellLost();
  t.deepEqual(reader.texts, [], 'nothing gets through');
  reader.waiting_bytes = 0;
  output.tellLost();
  output.tellLost();
  t.is(reader.texts.length, 1);
  t.like(JSON.parse(reader.texts[0] ?? ''), { level: 40, lost_lines: 1 });
});
