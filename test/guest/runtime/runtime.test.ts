/**
 * Goal: programs that nobody here wrote find the interface they know, and none can do harm by it.
 * Method: the supervisor runs on this host, without its sandbox; programs in Node, and AWS's own
 * clients where variables name them (CLIENTS). One after another: each test starts two processes.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { KIB, MIB } from '../../../base/units.ts';
import { httpRequestSchema, linesOf } from '../../../agent/model/http-head.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { ECHO, PROGRAMS, started, Supervised } from './supervised.ts';

const SERVER = [process.execPath, join(PROGRAMS, 'server.mjs')];
/** Clients that may be connected (PEERS_MAX of guest/runtime/lambda.c). */
const CLIENTS_MAX = 16;
/** Some that say nothing, and are more than that. */
const SILENT = 40;
const SIZES = [0, 1, 256 * KIB, 6 * MIB] as const;

function patterned(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index += 1) bytes[index] = index * 31 + (index >> 8);
  return bytes;
}

test.serial(
  'a client of the Lambda API gets payloads of every size and answers them',
  async (t) => {
    const program = await started(t, ECHO);
    if (!program) return;
    for (const size of SIZES) {
      const payload = patterned(size);
      const { ok, bytes, result } = await program.invoke(payload, 'application/octet-stream');
      t.true(ok);
      t.true(bytes.equals(payload), `${size} bytes come back as they were`);
      t.is(result?.['content_type'], 'application/octet-stream');
    }
    t.is(program.output.stdout, 'started\n');
  },
);

test.serial(
  'that a large payload is taken is told in few lines: each goes through everybody',
  async (t) => {
    const program = await started(t, ECHO);
    if (!program) return;
    t.true((await program.invoke(patterned(6 * MIB), 'application/octet-stream')).ok);
    t.true(program.credits > 0);
    t.true(program.credits <= (6 * MIB) / PROTOCOL.payload_credit_bytes, `${program.credits}`);
  },
);

test.serial(
  'an error of the function is told as its own, with its answer; it serves on',
  async (t) => {
    const program = await started(t, ECHO);
    if (!program) return;
    const failed = await program.invoke(Buffer.from('throw'));
    t.like(failed, { ok: true, result: { function_error: 'TypeError' } });
    t.like(JSON.parse(failed.bytes.toString()), { errorMessage: 'no' });
    t.is((await program.invoke(Buffer.from('{}'))).bytes.toString(), '{}');
  },
);

test.serial('the deadline of an invocation is told in the time of the program', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  const left_ms = Number((await program.invoke(Buffer.from('deadline'))).bytes.toString());
  t.true(left_ms > 0 && left_ms <= 30_000, `${left_ms} ms are left`);
});

for (const [what, code] of [
  ['too-much', 'answer-too-large'],
  ['forget', 'function-silent'],
] as const) {
  test.serial(
    `a program that does '${what}' is answered for with ${code}, and serves on`,
    async (t) => {
      const program = await started(t, ECHO);
      if (!program) return;
      t.like(await program.invoke(Buffer.from(what)), { ok: false, code });
      t.true((await program.invoke(Buffer.from('[1]'))).ok);
    },
  );
}

test.serial('an answer for another request is refused to the program with 400', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  t.is((await program.invoke(Buffer.from('other'))).bytes.toString(), '400');
});

test.serial('garbage on the API is refused, and disturbs no other client', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  for (const garbage of [
    '\0\0\0\0\r\n\r\n',
    'GET /2018-06-01/runtime/none HTTP/1.1\r\n\r\n',
    'x',
  ]) {
    const socket = connect(program.port, '127.0.0.1');
    socket.on('error', () => undefined).end(garbage);
    socket.resume();
    await program.until(() => socket.closed);
    t.true((await program.invoke(Buffer.from('{}'))).ok);
  }
});

test.serial('more clients than there may be are turned away, and those there go on', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  const known = connect(program.port, '127.0.0.1').on('error', () => undefined);
  let heard = '';
  known.on('data', (bytes) => {
    heard += bytes.toString();
  });
  const asked = async (times: number): Promise<void> => {
    known.write('GET /2018-06-01/runtime/none HTTP/1.1\r\n\r\n');
    await program.until(() => known.closed || heard.split('404 Not Found').length > times);
  };
  await asked(1);
  const silent = Array.from({ length: SILENT }, () => connect(program.port, '127.0.0.1'));
  for (const socket of silent) socket.on('error', () => undefined).resume();
  const closed = (): number => silent.filter((socket) => socket.closed).length;
  // However late it looks, nobody who came is forgotten.
  await program.whileHeld(async () => {
    await program.until(() => silent.every((socket) => !socket.connecting));
  });
  await program.until(() => closed() >= SILENT - CLIENTS_MAX + 2);
  await asked(2);
  t.false(known.closed, 'one that has been served is not turned away for one that is silent');
  t.true((await program.invoke(Buffer.from('{}'))).ok);
  for (const socket of [known, ...silent]) socket.destroy();
});

test.serial('a program that shouts loses output, counted, and no answer', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  t.true((await program.invoke(Buffer.from('shout'))).ok);
  t.true(program.output.stdout.length < 2 * MIB, `${program.output.stdout.length} bytes were kept`);
});

test.serial('a program that ends takes its supervisor along, with its status', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  await t.throwsAsync(program.invoke(Buffer.from('exit')));
  t.deepEqual(program.exit, { status: 3, signal: null });
});

test.serial('a program that is not there is said to be so', async (t) => {
  const options = { interface: 'lambda', command: ['/no/such/program'] } as const;
  const program = await Supervised.start(t, options);
  if (!program) {
    t.pass('no static http_parser on this host');
    return;
  }
  await program.until(() => program.exit !== null && program.answers.length > 0);
  t.like(program.answers[0], { ok: false, code: 'spawn-failed' });
  t.regex(program.answers[0]?.message ?? '', /No such file/);
});

for (const kind of ['lambda', 'http', 'openwhisk'] as const) {
  test.serial(
    `a program that never asks, or never listens, is ended in time: ${kind}`,
    async (t) => {
      const options = { interface: kind, command: ['/bin/sleep', '600'], ready_ms: 300 } as const;
      const program = await Supervised.start(t, options);
      if (!program) {
        t.pass('no static http_parser on this host');
        return;
      }
      // Its end may be told before the last of what it wrote is read.
      await program.until(() => program.exit !== null && program.answers.length > 0);
      t.false(program.ready);
      t.like(program.answers[0], { ok: false, code: 'init-timeout' });
      t.regex(program.answers[0]?.message ?? '', /not ready after 300 ms/);
    },
  );
}

test.serial(
  'a container program is ready when it takes a connection, and answers as it does',
  async (t) => {
    const program = await started(t, { interface: 'http', command: SERVER });
    if (!program) return;
    for (const size of SIZES) {
      const payload = patterned(size);
      const { bytes, result } = await program.invoke(payload, 'image/png');
      t.true(bytes.equals(payload), `${size} bytes come back as they were`);
      t.like(result, { status: 200, content_type: 'image/png' });
    }
    t.like(await program.invoke(Buffer.from('teapot')), { ok: true, result: { status: 418 } });
    for (const [what, message] of [
      ['drop', 'the program closed the connection without an answer'],
      ['cut', "the program's answer is cut"],
      ['garbage', "the program's answer is no HTTP"],
    ] as const) {
      const failed = { ok: false, code: 'answer-malformed', message };
      t.like(await program.invoke(Buffer.from(what)), failed);
    }
    t.true((await program.invoke(Buffer.from('close'))).ok);
    t.true((await program.invoke(Buffer.from('again'))).ok);
  },
);

test.serial('what a program wrote before its answer comes before it', async (t) => {
  const program = await started(t, { interface: 'http', command: SERVER });
  if (!program) return;
  // The supervisor is stopped meanwhile, and sees both at once.
  const { ok, written } = await program.invoke(Buffer.from('write'));
  t.true(ok);
  t.is(written, 'before\n');
});

test.serial(
  'a container program gets the request as it was made, and its header comes back',
  async (t) => {
    const program = await started(t, { interface: 'http', command: SERVER });
    if (!program) return;
    const fields = 'Host: shop.example\r\nX-Name: "Zoë"\r\nX-Name: 2\r\n';
    const asked = { method: 'PUT', path: '/head/a?b=c%20d', fields };
    const { result, bytes } = await program.invoke(Buffer.from('body'), '', asked);
    t.like(result, { status: 201 });
    const lines = String(result?.['fields']).split('\n');
    t.true(lines.includes('set-cookie: a=1') && lines.includes('set-cookie: b="2"'), lines.join());
    const told = JSON.parse(bytes.toString());
    t.like(told, { method: 'PUT', url: '/head/a?b=c%20d', body: 'body' });
    t.like(told.headers, { host: 'shop.example', 'content-length': '4' });
    t.is(Buffer.from(told.headers['x-name'], 'latin1').toString(), '"Zoë", 2');
    const head = { ...asked, method: 'HEAD' };
    t.like(await program.invoke(Buffer.of(), '', head), { ok: true, bytes: Buffer.of() });
    const long = { ...asked, path: '/head/long' };
    t.like(await program.invoke(Buffer.of(), '', long), { ok: false, code: 'answer-malformed' });
    t.true((await program.invoke(Buffer.from('still there'))).ok);
  },
);

test.serial(
  'what a container program says before and after its answer is not its header',
  async (t) => {
    const program = await started(t, { interface: 'http', command: SERVER });
    if (!program) return;
    for (const path of ['/head/early', '/head/late']) {
      const asked = { method: 'GET', path, fields: 'Host: shop.example\r\n' };
      const { result, bytes } = await program.invoke(Buffer.of(), '', asked);
      t.is(result?.['status'], 201, path);
      t.notRegex(String(result?.['fields']), /preload|x-late: /, path);
      t.like(JSON.parse(bytes.toString()), { method: 'GET', url: path });
    }
  },
);

test.serial(
  'the longest request that may be made comes whole; a longer one is refused',
  async (t) => {
    const program = await started(t, { interface: 'http', command: SERVER });
    if (!program) return;
    const host = { name: 'Host', value: 'shop.example' };
    const rest = JSON.stringify(linesOf([host, { name: 'X-Long', value: '' }], ''));
    const value = 'l'.repeat(PROTOCOL.http_head_bytes - rest.length);
    const path = `/head/${'p'.repeat(PROTOCOL.http_path_bytes - '/head/'.length)}`;
    const made = { method: 'PUT', path, headers: [host, { name: 'X-Long', value }] };
    const { method, headers } = httpRequestSchema.parse(made);
    const type = `text/${'t'.repeat(PROTOCOL.content_type_bytes - 'text/'.length)}`;
    const asked = { method, path, fields: linesOf(headers, type) };
    const { bytes, message } = await program.invoke(Buffer.from('body'), type, asked);
    const told = JSON.parse(bytes.toString() || '{}');
    t.like(told, { method: 'PUT', url: path, body: 'body' }, message);
    t.like(told.headers, { 'x-long': value, 'content-type': type });
    const longer = { ...asked, fields: `${asked.fields}X-Longer: l\r\n`.repeat(2) };
    t.like(await program.invoke(Buffer.of(), '', longer), { ok: false, code: 'bad-request' });
    t.true((await program.invoke(Buffer.from('still there'))).ok);
  },
);

test.serial(
  'a container program may answer, write and refuse before it has read the request',
  async (t) => {
    const command = ['python3', join(PROGRAMS, 'early.py')];
    const program = await started(t, { interface: 'http', command });
    if (!program) return;
    const payload = patterned(6 * MIB);
    for (const path of ['/echo', '/shout']) {
      const asked = { method: 'POST', path, fields: 'Host: early\r\n' };
      const { ok, message, bytes } = await program.invoke(payload, '', asked);
      t.true(ok, `${path}: ${message}`);
      t.true(bytes.equals(payload), path);
    }
    // Where one holds its connection, nothing behind what it did not read would ever be.
    for (const [path, status] of [
      ['/hold', 200],
      ['/refuse', 413],
    ] as const) {
      const asked = { method: 'POST', path, fields: 'Host: early\r\n' };
      const answered = await program.invoke(payload, '', asked);
      t.like(answered, { ok: true, result: { status } }, answered.message);
    }
    t.true((await program.invoke(Buffer.from('still there'))).ok);
  },
);

test.serial('a client may write, and answer, before it has read its event', async (t) => {
  const command = ['python3', join(PROGRAMS, 'late-reader.py')];
  const program = await started(t, { interface: 'lambda', command });
  if (!program) return;
  for (const what of ['write', 'answer']) {
    const about = Buffer.from(`"${what}"`);
    const event = Buffer.concat([about, Buffer.alloc(6 * MIB - about.length, ' ')]);
    const { ok, message, bytes } = await program.invoke(event);
    t.true(ok, `${what}: ${message}`);
    t.is(bytes.toString(), what === 'write' ? `${event.length}` : 'early');
  }
  t.is((await program.invoke(Buffer.from('"write"'))).bytes.toString(), '7');
});

test.serial('an action gets /init once and /run for each, and fails by its status', async (t) => {
  const program = await started(t, { interface: 'openwhisk', command: SERVER });
  if (!program) return;
  const { bytes, result } = await program.invoke(Buffer.from('{"name":"Ada"}'));
  t.like(JSON.parse(bytes.toString()), { value: { name: 'Ada' }, activation_id: 'q1' });
  t.is(result?.['function_error'], undefined);
  const failed = await program.invoke(Buffer.from('{"status":502}'));
  t.like(failed, { ok: true, result: { status: 502, function_error: 'status 502' } });
  t.like(JSON.parse(failed.bytes.toString()), { value: { status: 502 } });
});

test.serial(
  'an action that is sent nothing gets an empty object, and one byte as it is',
  async (t) => {
    const program = await started(t, { interface: 'openwhisk', command: SERVER });
    if (!program) return;
    for (const [sent, value] of [
      ['', {}],
      ['7', 7],
    ] as const) {
      const { bytes } = await program.invoke(Buffer.from(sent));
      t.deepEqual(JSON.parse(bytes.toString()).value, value);
    }
  },
);

/** Clients of AWS: a variable names the Python that has it, or the program that is built of it. */
const CLIENTS = [
  {
    name: 'awslambdaric',
    variable: 'HOTPLANE_AWSLAMBDARIC_PYTHON',
    commandOf: (python: string) => [python, '-m', 'awslambdaric', 'echo.handler'],
  },
  {
    name: 'aws-lambda-go',
    variable: 'HOTPLANE_AWS_LAMBDA_GO_ECHO',
    commandOf: (program: string) => [program],
  },
] as const;

for (const { name, variable, commandOf } of CLIENTS) {
  test.serial(`${name} serves a hundred invocations, small and large`, async (t) => {
    const place = process.env[variable] ?? '';
    if (place === '') {
      t.pass(`${variable} is not set`);
      return;
    }
    const program = await started(t, {
      interface: 'lambda',
      command: commandOf(place),
      env: { PYTHONPATH: PROGRAMS, LAMBDA_TASK_ROOT: PROGRAMS, PYTHONDONTWRITEBYTECODE: '1' },
    });
    if (!program) return;
    for (let index = 0; index < 100; index += 1) {
      const size = SIZES[(index % 10 === 9 ? 2 : 0) + (index % 2)] ?? 0;
      const payload = Buffer.from(JSON.stringify('e'.repeat(Math.max(0, size - 2))));
      const answer = await program.invoke(payload);
      t.true(answer.ok, `${index}: ${answer.code} ${answer.message} ${program.output.stderr}`);
      t.is(answer.bytes.toString(), payload.toString());
    }
  });
}
