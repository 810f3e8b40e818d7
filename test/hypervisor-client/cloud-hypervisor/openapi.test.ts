/**
 * Requests we send and answers the fake gives, against the published OpenAPI document. Runs where
 * CLOUD_HYPERVISOR_OPENAPI names it (vmm/src/api/openapi/cloud-hypervisor.yaml of its sources).
 *
 * The document differs from its server in places; each is named here and held by a test, so that
 * a newer document that agrees is noticed.
 */
import test, { type ExecutionContext } from 'ava';
import { Ajv, type ValidateFunction } from 'ajv';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { parse } from 'yaml';
import { isHotplaneError } from '../../../base/errors.ts';
import { isObject, type JsonObject } from '../../../base/json.ts';
import { member } from '../../../hypervisor-client/rest/json.ts';
import { vmConfig } from '../../../hypervisor-client/cloud-hypervisor/driver/config.ts';
import type { VmConfig } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { deviceOf } from '../../../hypervisor-client/spec.ts';
import { CALLS } from './calls.ts';
import { bootedStage, fakeStage } from './stage.ts';

const DOCUMENT = process.env['CLOUD_HYPERVISOR_OPENAPI'] ?? '';
const MISSING = 'CLOUD_HYPERVISOR_OPENAPI does not name the OpenAPI document';
const check = DOCUMENT === '' ? test.skip : test;
if (DOCUMENT === '') console.log(`skipped: ${MISSING}`);

interface Api {
  readonly paths: JsonObject;
  readonly validator: (schema: unknown) => ValidateFunction;
}

async function readApi(): Promise<Api> {
  const document: unknown = parse(await readFile(DOCUMENT, 'utf8'));
  if (!isObject(document)) throw new Error(`${DOCUMENT} is not an OpenAPI document`);
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'api', components: strict(document['components']) });
  const { paths } = document;
  if (!isObject(paths)) throw new Error(`${DOCUMENT} has no paths`);
  return { paths, validator: (schema) => ajv.compile(within(schema)) };
}

/** References of a schema outside of the document point into it. */
function within(schema: unknown): JsonObject {
  const text = JSON.stringify(schema ?? {}).replaceAll('"#/components', '"api#/components');
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}

/** A field that the document does not know is a typo of ours: the server would ignore it. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (!isObject(schema)) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, strict(one)]));
  const closed = isObject(schema['properties']) && schema['additionalProperties'] === undefined;
  return closed && schema['type'] === 'object' ? { ...inner, additionalProperties: false } : inner;
}

const bodySchema = (operation: unknown): unknown =>
  member(member(member(operation, 'content'), 'application/json'), 'schema');

function valid(
  t: ExecutionContext,
  validate: ValidateFunction,
  value: unknown,
  what: string,
): void {
  t.true(validate(value), `${what}: ${JSON.stringify(validate.errors?.slice(0, 3))}`);
}

check('every call is in the document, and the document has no other', async (t) => {
  const { paths } = await readApi();
  const ours = CALLS.map(({ method, route }) => `${method} /${route}`);
  const theirs = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(isObject(operations) ? operations : {}).map(
      (one) => `${one.toUpperCase()} ${path}`,
    ),
  );
  t.deepEqual(ours.toSorted(), theirs.toSorted());
});

check('every body we send validates, and a body is sent only where one is wanted', async (t) => {
  const { paths, validator } = await readApi();
  const { fake, ch } = await bootedStage(t, {});
  const before = fake.seen.length;
  for (const call of CALLS) {
    if (call.route === 'vmm.shutdown') continue;
    await call.make(ch, {}).catch(() => undefined);
  }
  for (const { method, route, body } of fake.seen.slice(before)) {
    const operation = member(paths[`/${route}`], method.toLowerCase());
    const wanted = member(operation, 'requestBody');
    t.is(body !== '', wanted !== undefined, `${method} ${route}`);
    if (body === '') continue;
    valid(t, validator(bodySchema(wanted)), JSON.parse(body), `${method} ${route}`);
  }
});

check('the configuration that the driver sends validates', async (t) => {
  const { validator } = await readApi();
  const validate = validator({ $ref: '#/components/schemas/VmConfig' });
  for (const backing of ['anonymous', 'memfd', 'huge'] as const) {
    for (const guest_node of [null, 1]) {
      const config: VmConfig = vmConfig(
        {
          id: 'vm',
          run_dir: '/run/vm',
          kernel_path: '/kernel',
          initrd_path: '/initrd',
          kernel_arguments: ['quiet'],
          vcpus: 2,
          boot_bytes: 512 * 1024 * 1024,
          devices: [0, 1].map((index) =>
            deviceOf(
              { id: `r${index}`, max_bytes: 2 ** 30, initial_bytes: 2 ** 30 },
              guest_node && guest_node + index,
            ),
          ),
          backing,
          accelerator: 'kvm',
        },
        { landlock: true, host_numa_node: 0 },
      );
      valid(t, validate, config, `${backing}, node ${guest_node}`);
      const in_huge = config.memory?.zones?.map(({ hugepages = false }) => hugepages);
      const is_huge = backing === 'huge';
      t.deepEqual(in_huge, [false, is_huge, is_huge], 'the kernel lives in ordinary memory');
      // The memory map of 1 GiB and 8 MiB more, on a node of its own.
      t.is(config.memory?.zones?.[1]?.size, (guest_node === null ? 2 : 24) * 1024 * 1024);
    }
  }
});

check('every answer with data that the fake gives validates', async (t) => {
  const { paths, validator } = await readApi();
  const { ch, socket_path } = await bootedStage(t, {});
  await ch.memory.resizeZone('region-r0', 130 * 1024 * 1024);
  for (const { method, route } of CALLS.filter((call) => call.method === 'GET')) {
    const operation = member(paths[`/${route}`], method.toLowerCase());
    const schema = bodySchema(member(member(operation, 'responses'), '200'));
    const value: unknown = JSON.parse(await get(socket_path, route));
    // The document leaves out a device's parent, which the server sends.
    if (route === 'vm.info') dropParents(value);
    valid(t, validator(schema), value, route);
  }
});

check('every status that the fake gives is in the document, or is one it leaves out', async (t) => {
  const { paths } = await readApi();
  const { ch } = await fakeStage(t, {});
  for (const call of CALLS.filter(({ route }) => route !== 'vmm.shutdown')) {
    const operation = member(paths[`/${call.route}`], call.method.toLowerCase());
    const known = Object.keys(member(operation, 'responses') ?? {});
    const status = await call.make(ch, {}).then(
      () => null,
      (error: unknown) => (isHotplaneError(error) ? error.details['status'] : String(error)),
    );
    // The document has no 404 for most calls without a VM, and says 204 where a shutdown is a 200.
    if (status !== null)
      t.true(
        [...known, '404', '500'].some((one) => Number(one) === status),
        call.route,
      );
  }
});

function dropParents(value: unknown): void {
  const tree = member(value, 'device_tree');
  if (!isObject(tree)) return;
  for (const node of Object.values(tree)) if (isObject(node)) delete node['parent'];
}

async function get(socketPath: string, route: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: `/api/v1/${route}`, agent: false }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    sent.on('error', reject);
    sent.end();
  });
}
