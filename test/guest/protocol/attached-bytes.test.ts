/** Bytes on a channel of lines: whatever they are, they come out as they went in. */
import test from 'ava';
import fc from 'fast-check';
import { cutLine, joinLine } from '../../../guest/protocol/attached-bytes.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { holds } from '../../seed.ts';

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.array(fc.constantFrom(0x0a, 0x0d, 0x1b, 0x1f, 0x4a, 0x00), { maxLength: 400 }),
);

test('what was attached is cut off again byte for byte, and the JSON before it', async (t) => {
  const property = fc.property(fc.jsonValue(), anyBytes, (value, bytes) => {
    const line = joinLine(JSON.stringify(value), Uint8Array.from(bytes));
    const cut = cutLine(line.subarray(0, -1));
    const is_one_line = line.indexOf(0x0a) === line.length - 1 && !line.includes(0x0d);
    const is_same = Buffer.from(bytes).equals(cut?.attached ?? Buffer.of(0));
    return is_one_line && is_same && cut?.json === JSON.stringify(value);
  });
  await holds(t, property, { runs: 300 });
});

test('a line with nothing attached says so, one with no bytes attached is another', (t) => {
  t.deepEqual(cutLine(Buffer.from('{"a":"ä"}')), { json: '{"a":"ä"}', attached: null });
  t.is(cutLine(Buffer.from('{}\u001f'))?.attached?.length, 0);
});

test('bytes that end inside an escape were cut, and are no answer', (t) => {
  t.is(cutLine(Buffer.from([0x7b, 0x7d, 0x1f, 0x41, 0x1b])), null);
});

test('the worst chunk fits into a line beside the longest JSON of a program', (t) => {
  const worst = joinLine(
    'x'.repeat(PROTOCOL.work_reply_bytes),
    Buffer.alloc(PROTOCOL.payload_chunk_bytes, '\n'),
  );
  t.true(worst.length <= PROTOCOL.line_bytes);
});
