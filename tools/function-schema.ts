/**
 * docs/function.schema.json, for editors and checks of others, written from the schema of
 * function.yaml:
 *
 *   node tools/function-schema.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonDocument } from '../base/json.ts';
import { PROJECT_ROOT } from '../base/paths.ts';
import { functionFileSchema, memoryMappingSchema, size } from '../cli/function/manifest.ts';

const memorySchema = z
  .union([size, memoryMappingSchema])
  .describe('of one instance: a size, or how it follows its use');

export const FUNCTION_SCHEMA_PATH = join(PROJECT_ROOT, 'docs', 'function.schema.json');

/** The whole file: what may be written, not what it becomes. Pure. */
export function renderFunctionSchema(): string {
  const { $schema: _, ...memory } = z.toJSONSchema(memorySchema, { io: 'input' });
  const { properties = {}, ...schema } = z.toJSONSchema(functionFileSchema, { io: 'input' });
  return jsonDocument({
    ...schema,
    properties: { ...properties, memory },
    title: 'function.yaml of hotplane',
  });
}

if (import.meta.main) await writeFile(FUNCTION_SCHEMA_PATH, renderFunctionSchema());
