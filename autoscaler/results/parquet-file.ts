/**
 * A table as Parquet, written as its rows come: 50,000 of them are held at most. Types of columns
 * are those of the format: whole numbers INT64, others DOUBLE, and lists and records as JSON.
 */
import { closeSync, openSync, rmSync } from 'node:fs';
import { type BasicType, ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { z } from 'zod';
import { writeAllSync } from '../../base/files.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsExist, resultsUnwritable } from './errors.ts';

/** Of a row group; pages of some hundred kilobytes a column. */
const ROWS_AT_ONCE = 50_000;

interface Column {
  readonly name: string;
  readonly type: BasicType;
  values: unknown[];
}

export class ParquetFile {
  readonly path: string;
  rows = 0;
  readonly #columns: readonly Column[];
  readonly #file: FileWriter;
  readonly #writer: ParquetWriter;

  /** Throws `HP_RESULTS_EXIST`, `HP_RESULTS_UNWRITABLE`. */
  constructor(path: string, fields: z.ZodRawShape) {
    this.path = path;
    this.#columns = columnsOf(fields);
    this.#file = new FileWriter(path);
    const columnData = this.#columns.map(({ name, type }) => ({ name, type, data: [] }));
    const schema = schemaFromColumnData({ columnData });
    this.#writer = new ParquetWriter({ writer: this.#file, schema, createdBy: 'hotplane' });
  }

  add(line: object): void {
    const values = new Map<string, unknown>(Object.entries(line));
    for (const { name, type, values: told } of this.#columns) {
      told.push(cellOf(type, values.get(name)));
    }
    this.rows += 1;
    if (this.rows % ROWS_AT_ONCE === 0) this.#writeGroup();
  }

  /** Without its end it is no Parquet: where that never came (`is_whole` false) it is removed. */
  close(is_whole: boolean): void {
    let is_done = false;
    try {
      if (!is_whole) return;
      this.#writeGroup();
      void this.#writer.finish();
      is_done = true;
    } finally {
      this.#file.close();
      if (!is_done) rmSync(this.path, { force: true });
    }
  }

  #writeGroup(): void {
    const columnData = this.#columns.map(({ name, values: data }) => ({ name, data }));
    void this.#writer.write({ columnData, rowGroupSize: ROWS_AT_ONCE });
    for (const column of this.#columns) column.values = [];
  }
}

/** The reader's own schema tells the types, so that a new field has one. */
function columnsOf(fields: z.ZodRawShape): Column[] {
  const { properties = {} } = z.toJSONSchema(z.object(fields), { io: 'output' });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    type: typeOf(schema),
    values: [],
  }));
}

type JsonSchema = z.core.JSONSchema._JSONSchema;

function typeOf(schema: JsonSchema): BasicType {
  if (typeof schema === 'boolean') return 'JSON';
  const { anyOf } = schema;
  const may_be = anyOf?.filter((one) => typeof one === 'boolean' || one.type !== 'null');
  const [only] = may_be ?? [];
  if (only !== undefined && may_be?.length === 1) return typeOf(only);
  return typeof schema.type === 'string' ? (BY_KIND.get(schema.type) ?? 'JSON') : 'JSON';
}

const BY_KIND: ReadonlyMap<string, BasicType> = new Map<string, BasicType>([
  ['integer', 'INT64'],
  ['number', 'DOUBLE'],
  ['boolean', 'BOOLEAN'],
  ['string', 'STRING'],
]);

function cellOf(type: BasicType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return type === 'INT64' && typeof value === 'number' ? BigInt(value) : value;
}

/** What is appended goes to a new file after each group of rows. */
class FileWriter extends ByteWriter {
  readonly #path: string;
  readonly #fd: number;

  constructor(path: string) {
    super();
    this.#path = path;
    try {
      this.#fd = openSync(path, 'wx');
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? resultsExist(path) : resultsUnwritable(path, error);
    }
  }

  flush(): void {
    try {
      writeAllSync(this.#fd, this.getBytes());
    } catch (error) {
      throw resultsUnwritable(this.#path, error);
    }
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }

  close(): void {
    closeSync(this.#fd);
  }
}
