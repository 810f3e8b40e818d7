/**
 * docs/dag.schema.json, for editors and checks of others, written from the schema of a DAG's file:
 *
 *   node tools/dag-schema.ts
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonDocument } from '../base/json.ts';
import { PROJECT_ROOT } from '../base/paths.ts';
import { dagFileSchema, stageMappingSchema } from '../cli/dag/manifest.ts';

const stageSchema = z.union([stageMappingSchema.shape.function, stageMappingSchema]);

export const DAG_SCHEMA_PATH = join(PROJECT_ROOT, 'docs', 'dag.schema.json');

/** The whole file: what may be written, not what it becomes. Pure. */
export function renderDagSchema(): string {
  const { $schema: _, ...stage } = z.toJSONSchema(stageSchema, { io: 'input' });
  const { properties = {}, ...schema } = z.toJSONSchema(dagFileSchema, { io: 'input' });
  const { stages = {} } = properties;
  return jsonDocument({
    ...schema,
    properties: { ...properties, stages: { ...Object(stages), additionalProperties: stage } },
    title: 'a DAG of hotplane',
  });
}

if (import.meta.main) await writeFile(DAG_SCHEMA_PATH, renderDagSchema());
