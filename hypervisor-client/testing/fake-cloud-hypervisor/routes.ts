/** Which call does what, and what each answers. Bodies are taken as the server takes them. */
import type { JsonObject } from '../../../base/json.ts';
import { parseVersion } from '../../cloud-hypervisor/version.ts';
import { readConfig, readObject, readResize, readResizeZone } from './config-schema.ts';
import { ApiError, apiError, badRequest } from './errors.ts';
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
type BodyHandler = (context: RouteContext, body: string) => FakeAnswer;

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
  // Nobody in the modelled guest listens to it.
  'vm.power-button': done((machine) => machine.requireBuilt('Error triggering power button')),
  'vm.nmi': done((machine) => machine.requireBuilt('Error triggering NMI')),
};

/** PUTs that need a JSON body. */
const PUT_BODY: Readonly<Record<string, BodyHandler>> = {
  'vm.create': ({ machine }, body) => {
    machine.create(readConfig(body));
    return DONE;
  },
  'vm.resize-zone': ({ machine }, body) => {
    const { id, desired_ram } = readResizeZone(body);
    machine.resizeZone(id, desired_ram);
    return DONE;
  },
  'vm.resize': ({ machine }, body) => {
    machine.resize(readResize(body).desired_ram ?? null);
    return DONE;
  },
  'vm.resize-disk': unserved('created', 'The disk could not be resized'),
  'vm.remove-device': ({ machine }, body) => {
    const what = 'The device could not be removed from the VM';
    const { id } = readObject(body);
    machine.requireCreated(what);
    throw new ApiError(404, [
      'Error from API',
      what,
      `No device with id "${String(id)}" to remove`,
    ]);
  },
  'vm.snapshot': unserved('built', 'The VM could not be snapshotted'),
  'vm.coredump': unserved('built', 'The VM could not be coredumped'),
  'vm.restore': unserved('anyway', 'The VM could not be restored'),
  'vm.send-migration': unserved('built', 'Error dispatching the migration worker'),
  'vm.receive-migration': unserved('anyway', 'Error starting migration receiver'),
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
    if (!handler) throw badRequest();
    return handler(context);
  }
  const plain = PUT[name];
  if (plain) {
    if (request.body !== '') throw badRequest();
    return plain(context);
  }
  if (!(name in PUT_BODY) && !ADDED.includes(added)) throw badRequest();
  const handler = PUT_BODY[name];
  if (handler) return handler(context, request.body);
  return addDevice(context, readObject(request.body), added);
}

/** Devices are not modelled: they get a place on the bus and that is all. */
function addDevice({ machine }: RouteContext, body: JsonObject, kind: string): FakeAnswer {
  machine.requireCreated('The device could not be added to the VM');
  if (machine.info().device_tree === undefined) return DONE;
  const id = typeof body['id'] === 'string' ? body['id'] : `_${kind}0`;
  return json({ id, bdf: '0000:00:1e.0' });
}

function done(act: (machine: FakeMachine) => void): Handler {
  return ({ machine }) => {
    act(machine);
    return DONE;
  };
}

/**
 * Calls that are not modelled: refused for want of a VM where that is so, else for another reason.
 */
function unserved(needs: 'created' | 'built' | 'anyway', what: string): BodyHandler {
  return ({ machine }, body) => {
    readObject(body);
    if (needs === 'created') machine.requireCreated(what);
    if (needs === 'built') machine.requireBuilt(what);
    throw apiError(what, 'The fake does not model this');
  };
}

function json(value: object): FakeAnswer {
  return { status: 200, body: JSON.stringify(value) };
}
