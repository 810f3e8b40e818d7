/** Which call does what, and what each answers. Bodies are taken as the server takes them. */
import { isObject, isSize, type Json } from '../json.ts';
import type { VmConfig } from '../types/index.ts';
import { parseVersion } from '../version.ts';
import { ApiError, badRequest, notRunning } from './errors.ts';
import type { FakeAnswer, FakeRequest } from './http.ts';
import type { FakeMachine } from './machine.ts';
import type { FakeSettings } from './settings.ts';

export interface RouteContext {
  readonly machine: FakeMachine;
  readonly settings: () => FakeSettings;
  /** `vmm.shutdown`: the server ends after this answer. */
  readonly end: () => void;
}

const PREFIX = '/api/v1/';
const DONE: FakeAnswer = { status: 204, body: null };

type Handler = (context: RouteContext) => FakeAnswer;
type BodyHandler = (context: RouteContext, body: Json) => FakeAnswer;

const GET: Readonly<Record<string, Handler>> = {
  'vmm.ping': ({ settings }) => {
    const { version } = settings();
    const build_version = `v${version}`;
    return json({ build_version, version, pid: process.pid, features: ['kvm', 'io_uring'] });
  },
  'vm.info': ({ machine }) => json(machine.info()),
  'vm.counters': ({ machine }) => json(machine.counters()),
};

/** PUTs without body; any body is a 400. */
const PUT: Readonly<Record<string, Handler>> = {
  'vmm.shutdown': ({ machine, end }) => {
    machine.delete();
    end();
    return { status: 200, body: null };
  },
  'vm.boot': done((machine) => machine.boot()),
  'vm.delete': done((machine) => machine.delete()),
  'vm.shutdown': done((machine) => machine.shutdown()),
  'vm.reboot': done((machine) => machine.reboot()),
  'vm.pause': done((machine) => machine.pause()),
  'vm.resume': done((machine) => machine.resume()),
  'vm.power-button': done((machine) => machine.powerButton()),
  'vm.nmi': done((machine) => machine.requireRunning('The NMI could not be injected')),
};

/** PUTs that need a JSON body. */
const PUT_BODY: Readonly<Record<string, BodyHandler>> = {
  'vm.create': ({ machine }, body) => {
    if (!isConfig(body)) throw badRequest();
    machine.create(body);
    return DONE;
  },
  'vm.resize-zone': ({ machine }, { id, desired_ram }) => {
    if (typeof id !== 'string' || !isSize(desired_ram)) throw badRequest();
    machine.resizeZone(id, desired_ram);
    return DONE;
  },
  'vm.resize': ({ machine }, { desired_ram = null }) => {
    if (desired_ram !== null && !isSize(desired_ram)) throw badRequest();
    machine.resize(desired_ram);
    return DONE;
  },
  'vm.resize-disk': unserved('The disk could not be resized'),
  'vm.remove-device': unserved('The device could not be removed from the VM'),
  'vm.snapshot': unserved('The VM could not be snapshotted'),
  'vm.coredump': unserved('The VM could not be coredumped'),
  'vm.restore': unserved('The VM could not be restored'),
  'vm.send-migration': unserved('Error starting migration sender'),
  'vm.receive-migration': unserved('Error starting migration receiver'),
};

const ADDED: readonly string[] = [
  'device',
  'user-device',
  'disk',
  'fs',
  'generic-vhost-user',
  'net',
  'pmem',
  'vdpa',
  'vsock',
];

/** Since when a call is there at all. */
const SINCE: Readonly<Record<string, number>> = {
  'vm.nmi': 39,
  'vm.resize-disk': 50,
  'vm.add-generic-vhost-user': 52,
};

/** Answers one request, or throws ApiError. */
export function route(request: FakeRequest, context: RouteContext): FakeAnswer {
  const name = request.path.startsWith(PREFIX) ? request.path.slice(PREFIX.length) : '';
  const major = parseVersion(context.settings().version)?.major ?? 53;
  const added = /^vm\.add-(.+)$/.exec(name)?.[1] ?? '';
  const known = name in GET || name in PUT || name in PUT_BODY || ADDED.includes(added);
  if (!known || major < (SINCE[name] ?? 0)) throw new ApiError(404, ['Not Found']);
  if (request.method === 'GET') {
    const handler = GET[name];
    if (!handler || request.body !== '') throw badRequest();
    return handler(context);
  }
  const plain = PUT[name];
  if (plain) {
    if (request.body !== '') throw badRequest();
    return plain(context);
  }
  if (!(name in PUT_BODY) && !ADDED.includes(added)) throw badRequest();
  const body = parseBody(request.body);
  const handler = PUT_BODY[name];
  return handler ? handler(context, body) : addDevice(context, body, added);
}

/** Devices are not modelled: they get a place on the bus and that is all. */
function addDevice({ machine }: RouteContext, body: Json, kind: string): FakeAnswer {
  const { state } = machine.info();
  if (state === 'Created') return DONE;
  const id = typeof body['id'] === 'string' ? body['id'] : `_${kind}0`;
  return json({ id, bdf: '0000:00:1e.0' });
}

function done(act: (machine: FakeMachine) => void): Handler {
  return ({ machine }) => {
    act(machine);
    return DONE;
  };
}

/** Calls that are answered as by a server whose VM does not run. */
function unserved(what: string): BodyHandler {
  return ({ machine }) => {
    machine.info();
    throw notRunning(what);
  };
}

function json(value: object): FakeAnswer {
  return { status: 200, body: JSON.stringify(value) };
}

function parseBody(text: string): Json {
  if (text === '') throw badRequest();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ApiError(400, ['Failed to deserialize JSON', String(cause)]);
  }
  if (!isObject(value)) throw new ApiError(400, ['Failed to deserialize JSON', 'not a struct']);
  return value;
}

function isConfig(value: Json): value is Json & VmConfig {
  return isObject(value['payload']);
}
