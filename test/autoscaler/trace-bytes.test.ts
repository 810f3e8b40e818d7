/** What readers of traces are made of: bytes cut into fields, names, numbers, columns in order. */
import { Buffer } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import { orderOf } from '../../base/number-list.ts';
import { readInvocationDay } from '../../autoscaler/trace/azure2019.ts';
import { AZURE2021_HEADER, parseAzure2021 } from '../../autoscaler/trace/azure2021.ts';
import { ColumnsBuilder } from '../../autoscaler/trace/columns.ts';
import { DecimalReader, microsecondsOf } from '../../autoscaler/trace/decimal.ts';
import { MinuteTable } from '../../autoscaler/trace/minutes.ts';
import { NameTable } from '../../autoscaler/trace/name-table.ts';
import { RuleCounts } from '../../autoscaler/trace/rules.ts';
import { ByteScanner } from '../../autoscaler/trace/scanner.ts';
import { holds } from '../seed.ts';

test('counts of a wide file are what stands in it, however many zeros lie between', async (t) => {
  const count = fc.oneof(
    { arbitrary: fc.constant(0), weight: 6 },
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 10, max: 2_000 }),
  );
  const row = fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), fc.array(count, { minLength: 3 }));
  await holds(
    t,
    fc.asyncProperty(row, fc.nat({ max: 3 }), async ([name, counts], trigger_at) => {
      const minutes = counts.map((_, at) => String(at + 1));
      const [head, fields] = [
        ['HashOwner', 'HashApp', 'HashFunction'],
        ['o', 'a', name],
      ];
      // A column of names may come after some of the minutes.
      const [left, right] = [minutes.slice(0, trigger_at), minutes.slice(trigger_at)];
      const header = [...head, ...left, 'Trigger', ...right].join(',');
      const [before, after] = [counts.slice(0, trigger_at), counts.slice(trigger_at)];
      const text = `${header}\n${[...fields, ...before, 'http', ...after].join(',')}\n`;
      const table = new MinuteTable();
      const about = { day: 0, table, rules: new RuleCounts() };
      await readInvocationDay([Buffer.from(text)], 'made', about);
      const found = Array.from({ length: counts.length }, () => 0);
      table.forEach((_, minute, number) => {
        found[minute] = number;
      });
      t.deepEqual(found, counts);
    }),
  );
});

const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${most}}$`));

test('numbers read one after the other are those that are cut first, or none', async (t) => {
  const number = fc.oneof(
    digits(12),
    fc.tuple(digits(12), digits(20)).map((parts) => parts.join('.')),
    fc.stringMatching(/^[0-9.eE+-]{0,8}$/),
  );
  await holds(
    t,
    fc.property(number, fc.constantFrom(',', '\n', ''), (text, behind) => {
      const bytes = Buffer.from(`x${text}${behind}`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const reader = new DecimalReader();
      const found = reader.read(view, 1, bytes.length);
      const cut = microsecondsOf(bytes, 1, 1 + text.length);
      const is_whole = reader.end === 1 + text.length;
      if (is_whole) t.is(reader.stop, behind === '' ? -1 : (behind.codePointAt(0) ?? 0));
      if (is_whole && !Number.isNaN(found)) t.is(found, cut);
      if (/^\d{1,10}(?:\.\d+)?$/.test(text)) t.is(found, cut, 'what is plain is read');
    }),
  );
});

test('rows of 2021 are what stands in them, whichever names are known from before', async (t) => {
  // Of few letters, so that one is often the beginning of another, or as long.
  const name = fc.stringMatching(/^[ab]{1,3}$/);
  const row = fc.record({
    app: name,
    func: name,
    end_ms: fc.integer({ min: 5_000, max: 9_999 }),
    duration_ms: fc.nat({ max: 4_000 }),
    return: fc.boolean(),
  });
  await holds(
    t,
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 64 }),
      async (rows, piece_bytes) => {
        const lines = rows.map(
          ({ app, func, end_ms, duration_ms, return: is_returned }) =>
            `${app},${func},${end_ms / 1_000},${duration_ms / 1_000}${is_returned ? '\r' : ''}\n`,
        );
        const bytes = Buffer.from(`${AZURE2021_HEADER}\n${lines.join('')}`);
        const pieces = Array.from({ length: Math.ceil(bytes.length / piece_bytes) }, (_, at) =>
          bytes.subarray(at * piece_bytes, (at + 1) * piece_bytes),
        );
        const { functions, invocations } = await parseAzure2021(pieces, 'made');
        const found = [...invocations].map(({ function_index, arrival_ms, duration_ms }) => {
          const { app, func } = functions[function_index] ?? {};
          return `${app},${func} ${arrival_ms} ${duration_ms}`;
        });
        const expected = rows.map(
          ({ app, func, end_ms, duration_ms }) =>
            `${app},${func} ${end_ms - duration_ms} ${duration_ms}`,
        );
        t.deepEqual(found.toSorted(), expected.toSorted());
      },
    ),
  );
});

test('a row of 2021 that is too long is refused, also where its function is known', async (t) => {
  const long = `a,f,2,1.${'0'.repeat(70_000)}\n`;
  const bytes = Buffer.from(`${AZURE2021_HEADER}\na,f,2,1\n${long}`);
  await t.throwsAsync(parseAzure2021([bytes], 'made'), {
    code: 'HP_TRACE_ROW',
    message: /^made line 3, row: .*more than 65536 bytes/,
  });
});

for (const [name, rows] of [
  ['too few', ['o,a,f,http,0,0,1']],
  ['too many', ['o,a,f,http,0,0,1,0,0,0']],
  ['one too many, of which one is no count', ['o,a,f,http,0,0,1,x,0']],
  ['names alone', ['o,a,f']],
  ['too few with a negative one', ['o,a,f,http,0,-1']],
  ['too many of a function that is there already', ['o,a,f,http,0,0,0,1', 'o,a,f,http,0,0,0,0,0']],
] as const) {
  test(`a wide row with the wrong number of fields is refused: ${name}`, async (t) => {
    const text = ['HashOwner,HashApp,HashFunction,Trigger,1,2,3,4', ...rows, ''].join('\n');
    const about = { day: 0, table: new MinuteTable(), rules: new RuleCounts() };
    const fields = rows.at(-1)?.split(',').length ?? 0;
    await t.throwsAsync(readInvocationDay([Buffer.from(text)], 'made', about), {
      code: 'HP_TRACE_ROW',
      message: new RegExp(
        `^made line ${rows.length + 1}, row: .*has ${fields} fields instead of 8`,
      ),
    });
  });
}

test('a line of 600 MB is refused after its first 64 KiB', async (t) => {
  let given = 0;
  const piece = Buffer.alloc(1024 * 1024, 'x');
  const scanner = new ByteScanner({
    limit_bytes: 65_536,
    onRow: () => t.fail(),
    onTooLong: (start, line) => {
      throw new RangeError(`${line} ${start.length}`);
    },
  });
  t.throws(
    () => {
      for (; given < 600; given += 1) scanner.push(piece);
    },
    { message: '1 80' },
  );
  t.is(given, 0);
  await Promise.resolve();
});

test('the scanner cuts as splitting text does, however its bytes come', async (t) => {
  const word = fc.stringMatching(/^[ -~é]{0,9}$/).map((text) => text.replaceAll(/[,\r\n]/g, ''));
  // Fields of one digit are cut two at a time, and plain text is passed by fours.
  const digit = fc.stringMatching(/^[/0-9?@+]$/);
  const cell = fc.oneof({ arbitrary: digit, weight: 5 }, word);
  const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 90 }), { minLength: 1 });
  await holds(
    t,
    fc.property(
      table,
      fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 }),
      (rows, sizes) => {
        const text = rows.map((row) => row.join(',')).join('\n');
        const bytes = Buffer.from(text);
        const found: string[][] = [];
        const scanner = new ByteScanner({
          limit_bytes: 4_096,
          onRow: (row) => found.push(Array.from({ length: row.fields }, (_, at) => row.text(at))),
          onTooLong: () => t.fail(),
        });
        for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          // What was pushed is written over: nothing may have been kept of it.
          const chunk = Buffer.from(bytes.subarray(from, from + size));
          scanner.push(chunk);
          chunk.fill(0x2c);
          from += size;
        }
        scanner.end();
        const lines = text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        t.deepEqual(
          found,
          lines.map((line) => line.split(',')),
        );
      },
    ),
  );
});

test('fields beyond those that are to be cut are one, until all are cut', async (t) => {
  const cell = fc.constantFrom('0', '7', '', 'é', '-1', '12', 'x'.repeat(40));
  const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 90 }), { minLength: 1 });
  const sizes = fc.integer({ min: 1, max: 300 });
  await holds(
    t,
    fc.property(table, sizes, fc.integer({ min: 1, max: 6 }), (rows, size, most) => {
      const bytes = Buffer.from(`${rows.map((row) => row.join(',')).join('\n')}\n`);
      const found: { cut: string[]; all: string[]; whole: string }[] = [];
      const scanner = new ByteScanner({
        limit_bytes: 8_192,
        onRow: (row) => {
          const fields = (): string[] =>
            Array.from({ length: row.fields }, (_, at) => row.text(at));
          const cut = fields();
          row.cutAll();
          found.push({ cut, all: fields(), whole: row.whole });
        },
        onTooLong: () => t.fail(),
      });
      scanner.cut_fields = most;
      for (let from = 0; from < bytes.length; from += size) {
        scanner.push(bytes.subarray(from, from + size));
      }
      const expected = rows.map((all) => {
        const rest = all.slice(most);
        const cut = rest.length > 0 ? [...all.slice(0, most), rest.join(',')] : all;
        return { cut, all, whole: all.join(',') };
      });
      t.deepEqual(found, expected);
    }),
  );
});

test('a table of names knows each again, wherever it lies', async (t) => {
  const ending = fc.stringMatching(/^[ab]{0,5}$/);
  // Of long names not all is hashed: what differs may lie between.
  const name = fc
    .tuple(fc.constantFrom('', 'x'.repeat(20)), ending, fc.constantFrom('', '0'.repeat(70)))
    .map((parts) => parts.join(''));
  const named = fc.array(fc.tuple(name, fc.nat({ max: 7 })), { minLength: 1, maxLength: 60 });
  await holds(
    t,
    fc.property(named, (names) => {
      const table = new NameTable();
      const known = new Map<string, number>();
      for (const [text, offset] of names) {
        const bytes = Buffer.from(`${'_'.repeat(offset)}${text},`);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const to = offset + text.length;
        t.is(table.find(view, offset, to), known.get(text) ?? -1);
        if (!known.has(text)) known.set(text, table.add(view, offset, to));
        bytes.fill(0);
      }
      t.is(table.size, known.size);
    }),
  );
});

test('a function is known again by all of its three names', async (t) => {
  // Joined with nothing between them, some of these are the same.
  const name = fc.stringMatching(/^[ab/]{0,3}$/);
  const functions = fc.array(fc.tuple(name, name, name), { minLength: 1, maxLength: 1_500 });
  await holds(
    t,
    fc.property(functions, (names) => {
      const table = new MinuteTable();
      const known = new Map<string, number>();
      for (const three of names) {
        const key = JSON.stringify(three);
        if (!known.has(key)) known.set(key, known.size);
        t.is(table.indexOf(...three), known.get(key) ?? -1);
      }
      t.is(table.functions.length, known.size);
    }),
  );
});

test('columns come out by arrival, equal ones as they came, in order before or not', async (t) => {
  const arrivals = fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 3_000 });
  await holds(
    t,
    fc.property(arrivals, fc.boolean(), (unsorted, sorts) => {
      const came = sorts ? unsorted.toSorted((a, b) => a - b) : unsorted;
      const builder = new ColumnsBuilder();
      for (const [at, arrival_ms] of came.entries()) builder.add(at, arrival_ms, at / 2);
      const expected = [...came.keys()].toSorted((a, b) => (came[a] ?? 0) - (came[b] ?? 0));
      t.deepEqual(
        [...builder.inOrder()],
        expected.map((at) => ({
          function_index: at,
          arrival_ms: came[at] ?? 0,
          duration_ms: at / 2,
        })),
      );
    }),
  );
});

const microsecondsIn = (text: string): number => microsecondsOf(Buffer.from(text), 0, text.length);

test('a number of seconds is its own digits, rounded to the microsecond', (t) => {
  for (const [text, expected] of [
    ['0', 0],
    ['12', 12e6],
    ['0.0794909000396728515625', 79_491],
    ['1209599.9999996', 1_209_600e6],
    ['1.5e3', 1_500e6],
    ['00012.5', 12_500_000],
  ] as const) {
    t.is(microsecondsIn(text), expected, text);
  }
  for (const text of ['', '.', '1.', '.5', '-1', '1,5', '0x1', 'NaN', ' 1'])
    t.true(Number.isNaN(microsecondsIn(text)), text);
});

test('more than 65,536 values are ordered as few are, equal ones as they came', (t) => {
  const values = Float64Array.from({ length: 70_000 }, (_, at) => ((at * 7_919) % 1_003) - 500.5);
  values[3] = -0;
  values[9] = 0;
  const order = orderOf(values);
  const expected = [...values.keys()].toSorted(
    (a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b,
  );
  t.deepEqual([...order], expected);
});
