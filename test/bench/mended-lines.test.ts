/** What a program wrote is read as it wrote it, wherever a message of the kernel came between. */
import test from 'ava';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { MendedLines } from '../../bench/kernel/mended-lines.ts';
import { parseHostRequest } from '../../bench/kernel/selftest-lines.ts';
import { holds } from '../seed.ts';

const mend = (console_text: string): readonly string[] => {
  const lines = new MendedLines();
  return console_text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => lines.add(line));
};

const KERNEL = '[   12.345678] virtio_mem virtio1: unplug all required';

test('a request that a message of the kernel cut in two is one request', (t) => {
  const lines = mend(`# host: resize 0000:00:${KERNEL}\r\n08.0 268435456\r\n`);
  const requests = lines.flatMap((line) => parseHostRequest(line) ?? []);
  t.deepEqual(requests, [{ pci_address: '0000:00:08.0', bytes: 268_435_456 }]);
});

test('the end of a line that is not there yet is waited for', (t) => {
  const lines = new MendedLines();
  t.deepEqual(lines.add(`ok 1 par${KERNEL}`), [KERNEL]);
  t.deepEqual(lines.add(KERNEL), [KERNEL]);
  t.deepEqual(lines.add('tition.memory'), ['ok 1 partition.memory']);
  t.deepEqual(lines.add('ok 2 partition.thp'), ['ok 2 partition.thp']);
});

test('wherever the kernel speaks, both are heard whole and in their order', async (t) => {
  const written = fc.array(fc.stringMatching(/^[a-z #:.0-9]{0,30}$/), { maxLength: 8 });
  const cuts = fc.array(fc.nat(300), { maxLength: 6 });
  const property = fc.property(written, cuts, (texts, places) => {
    let console_text = texts.map((text) => `${text}\n`).join('');
    const text_length = console_text.length;
    for (const place of places.map((one) => one % (text_length + 1)).toSorted((a, b) => b - a))
      console_text = `${console_text.slice(0, place)}${KERNEL}\n${console_text.slice(place)}`;
    const lines = mend(console_text);
    const said = lines.filter((line) => line !== KERNEL);
    return isDeepStrictEqual(said, texts) && lines.length === texts.length + places.length;
  });
  await holds(t, property);
});
