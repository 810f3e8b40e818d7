/**
 * The agent's state in a file (SQLite, WAL), with an append-only log of what was done in it. What
 * is written goes into a journal beside it, which the file takes in now and then. A killed agent
 * loses nothing that was written; what a power cut loses of it died with the VMs.
 */
import { chmod } from 'node:fs/promises';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { assert } from '../../base/assert.ts';
import { messageOf } from '../../base/errors.ts';
import { appendPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { agentError } from '../model/errors.ts';
import { Journal, type JournalLine, type LogEntry } from './journal.ts';
import { Pending } from './pending.ts';
import { corrupt, stateError } from './state-errors.ts';
import { changesApart } from './region-rows.ts';
import { perTable, type RowChange, type StoredRows, TABLES, type TableName } from './rows.ts';

/** Of the tables and what stands in their rows. */
const SCHEMA_VERSION = 3;
/**
 * 1 had no journal, and what changes with every call stood in the rows of functions and VMs; 2 had
 * what became of the sizes of a region in its row (see region-rows.ts).
 */
const EARLIER_VERSIONS: readonly number[] = [1, 2];
/** "hotp": says that a file is a state of ours. */
const APPLICATION_ID = 0x686f7470;
/** Log entries that are kept, and how many more there may be before the oldest go. */
export const LOG_LIMITS = { entries: 100_000, slack: 10_000 } as const;

/** Where rows are written to: all of them, or none. */
export interface StateStore {
  readonly rows: StoredRows;
  /** Which agent this is, counted from the first that used the store. */
  readonly generation: number;
  /** Throws HP_AGENT_STATE_FULL, HP_AGENT_STATE_READ_ONLY, HP_AGENT_STATE_LOST. */
  write(changes: readonly RowChange[], log: readonly LogEntry[]): void;
  /** What may wait for the disk, and nobody has to wait for: see {@link StateFile.tidy}. */
  tidy(): void;
  close(): void;
}

export class StateFile implements StateStore {
  readonly rows: StoredRows;
  readonly generation: number;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #put = new Map<TableName, StatementSync>();
  readonly #drop = new Map<TableName, StatementSync>();
  readonly #append: StatementSync;
  readonly #trim: StatementSync;
  readonly #took_in: StatementSync;
  readonly #journal: Journal;
  readonly #pending: Pending;
  /** Of the rows that the tables have. */
  readonly #keys: Record<TableName, Set<string>>;
  #log_until_trim = 0;

  private constructor(path: string, db: DatabaseSync) {
    this.#path = path;
    this.#db = db;
    const applied = numberOf(db, 'SELECT applied FROM journal');
    this.#keys = keysIn(db);
    this.#pending = new Pending(applied, (table, key) => this.#keys[table].has(key));
    for (const table of TABLES) {
      const put = `INSERT INTO ${table} (key, row) VALUES (?, ?)
        ON CONFLICT (key) DO UPDATE SET row = excluded.row`;
      this.#put.set(table, db.prepare(put));
      this.#drop.set(table, db.prepare(`DELETE FROM ${table} WHERE key = ?`));
    }
    this.#append = db.prepare('INSERT INTO log (at_ms, kind, entry) VALUES (?, ?, ?)');
    this.#trim = db.prepare('DELETE FROM log WHERE seq <= (SELECT max(seq) FROM log) - ?');
    this.#took_in = db.prepare('UPDATE journal SET applied = ?');
    this.#journal = this.#openJournal(applied);
    this.generation = this.#begin();
    this.rows = this.#read();
    // Each time: the agent that first takes up an earlier format may be killed before it is done.
    this.write(changesApart(this.rows), []);
  }

  /** Its lines are in the tables then. */
  #openJournal(applied: number): Journal {
    const { journal, lines } = openJournal(this.#path);
    const missing = lines.filter(({ sequence }) => sequence > applied);
    for (const line of missing) {
      if (line.sequence !== this.#pending.sequence + 1) {
        throw corrupt(this.#path, `line ${this.#pending.sequence + 1} of its journal is missing`);
      }
      this.#pending.add(line);
    }
    this.#takeIn(journal);
    return journal;
  }

  /**
   * Opens the state, or makes an empty one where no file is. Throws HP_AGENT_STATE_*: a state that
   * cannot be understood is never begun anew.
   */
  static async open(path: string): Promise<StateFile> {
    const { DatabaseSync: Database } = await importQuietly();
    let db: DatabaseSync | null = null;
    try {
      await keepToUs(path);
      db = new Database(path);
      prepare(path, db);
      return new StateFile(path, db);
    } catch (error) {
      db?.close();
      throw stateError(path, error);
    }
  }

  write(changes: readonly RowChange[], log: readonly LogEntry[]): void {
    if (changes.length + log.length === 0) return;
    const entries = log.map(({ at_ms, kind, entry }) => {
      return { at_ms, kind, entry: JSON.stringify(entry) };
    });
    const line = { sequence: this.#pending.sequence + 1, changes, log: entries };
    try {
      this.#journal.append(line);
      this.#pending.add(line);
      if (this.#journal.isOverfull) this.#takeIn(this.#journal);
    } catch (error) {
      throw stateError(this.#path, error, 'HP_AGENT_STATE_LOST');
    }
  }

  /**
   * The tables take in a journal that is full, once what was written is done: that waits for the
   * disk, and a journal without it is as safe. Nothing once it is closed. Throws as `write`.
   */
  tidy(): void {
    if (!this.#journal.isFull || !this.#db.isOpen) return;
    try {
      this.#takeIn(this.#journal);
    } catch (error) {
      throw stateError(this.#path, error, 'HP_AGENT_STATE_LOST');
    }
  }

  /** What stands in the journal goes into the tables, all of it or nothing. */
  #takeIn(journal: Journal): void {
    const { log, sequence, isEmpty } = this.#pending;
    if (!isEmpty) {
      try {
        this.#db.exec('BEGIN');
        for (const table of TABLES) this.#takeRows(table);
        for (const { at_ms, kind, entry } of log) this.#append.run(at_ms, kind, entry);
        this.#trimLog(log.length);
        this.#took_in.run(sequence);
        this.#db.exec('COMMIT');
      } catch (error) {
        if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    }
    for (const table of TABLES) this.#noteKeys(table);
    this.#pending.clear();
    journal.clear();
  }

  #takeRows(table: TableName): void {
    for (const [key, { row, was_dropped }] of this.#pending.rows(table)) {
      if (was_dropped) this.#drop.get(table)?.run(key);
      if (row !== null) this.#put.get(table)?.run(key, row);
    }
  }

  #noteKeys(table: TableName): void {
    for (const [key, { row }] of this.#pending.rows(table)) {
      if (row === null) this.#keys[table].delete(key);
      else this.#keys[table].add(key);
    }
  }

  /** The newest entries of the log, the oldest of them first. */
  log(count: number): LogEntry[] {
    this.#takeIn(this.#journal);
    const query = 'SELECT at_ms, kind, entry FROM log ORDER BY seq DESC LIMIT ?';
    const found = this.#db.prepare(query).all(count).toReversed();
    return found.map(({ at_ms, kind, entry }) => {
      return { at_ms: Number(at_ms), kind: String(kind), entry: JSON.parse(String(entry)) };
    });
  }

  /** Rows of a table that are there now. */
  count(table: TableName): number {
    this.#takeIn(this.#journal);
    return numberOf(this.#db, `SELECT count(*) FROM ${table}`);
  }

  /** No larger than so many pages: a disk without room, for tests. */
  limitPages(pages: number): void {
    this.#db.exec(`PRAGMA max_page_count = ${pages}`);
  }

  /** What the file cannot take in any more stays in the journal, for the next agent. */
  close(): void {
    this.#journal.close();
    this.#db.close();
  }

  #trimLog(more: number): void {
    this.#log_until_trim -= more;
    if (this.#log_until_trim > 0) return;
    this.#trim.run(LOG_LIMITS.entries);
    this.#log_until_trim = LOG_LIMITS.slack;
  }

  /** Notes that one more agent uses it, which shows too that it can be written. */
  #begin(): number {
    const last = this.#db.prepare('SELECT generation FROM agents').get();
    const generation = Number(last?.['generation'] ?? 0) + 1;
    this.#db.exec('DELETE FROM agents');
    this.#db.prepare('INSERT INTO agents (generation) VALUES (?)').run(generation);
    return generation;
  }

  #read(): StoredRows {
    return perTable((table) => {
      const rows = new Map<string, string>();
      for (const { key, row } of this.#db
        .prepare(`SELECT key, row FROM ${table} ORDER BY id`)
        .all()) {
        assert(typeof key === 'string' && typeof row === 'string', 'keys and rows are text');
        rows.set(key, row);
      }
      return rows;
    });
  }
}

const NONE: ReadonlyMap<string, string> = new Map();

/** Of a store that was never written to. */
export const NO_ROWS: StoredRows = perTable(() => NONE);

function keysIn(db: DatabaseSync): Record<TableName, Set<string>> {
  return perTable((table) => {
    const rows = db.prepare(`SELECT key FROM ${table}`).all();
    return new Set(rows.map(({ key }) => String(key)));
  });
}

/** Checks that it is ours, whole, and of this version; or makes its tables. */
function prepare(path: string, db: DatabaseSync): void {
  const id = numberOf(db, 'PRAGMA application_id');
  const version = numberOf(db, 'PRAGMA user_version');
  const tables = numberOf(db, 'SELECT count(*) FROM sqlite_schema');
  if (tables > 0 && id !== APPLICATION_ID) throw corrupt(path, 'it is no state of an agent');
  const formats = [...EARLIER_VERSIONS, SCHEMA_VERSION];
  if (tables > 0 && !formats.includes(version)) {
    throw agentError(
      'HP_AGENT_STATE_VERSION',
      `${path} has format ${version}; this version reads ${formats.join(', ')}.`,
      { details: { path, format: version, formats } },
    );
  }
  if (tables > 0) checkWhole(path, db);
  // A killed agent loses nothing of a WAL; syncing it at each commit keeps a power cut from losing
  // what the journal, emptied after it, does not have any more.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0');
  if (tables > 0 && version === SCHEMA_VERSION) return;
  const rows = TABLES.map(
    (table) => `CREATE TABLE IF NOT EXISTS ${table}
      (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, row TEXT NOT NULL)`,
  );
  db.exec(`BEGIN; ${rows.join('; ')};
    CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms REAL NOT NULL,
      kind TEXT NOT NULL, entry TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS agents (generation INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS journal (applied INTEGER NOT NULL);
    INSERT INTO journal (applied) SELECT 0 WHERE NOT EXISTS (SELECT applied FROM journal);
    PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

/** The journal beside the state. Throws HP_AGENT_STATE_CORRUPT, or what the file system says. */
function openJournal(path: string): { readonly journal: Journal; readonly lines: JournalLine[] } {
  try {
    return Journal.open(`${path.replace(/\.db$/, '')}.journal`);
  } catch (error) {
    if (errnoOf(error) !== null) throw error;
    throw corrupt(path, messageOf(error), error);
  }
}

function checkWhole(path: string, db: DatabaseSync): void {
  const answer = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  if (answer !== 'ok') throw corrupt(path, String(answer));
}

function numberOf(db: DatabaseSync, query: string): number {
  return Number(Object.values(db.prepare(query).get() ?? {})[0]);
}

/** Early versions of Node 24 warn that SQLite is new there: no news for people who run an agent. */
async function importQuietly(): Promise<typeof import('node:sqlite')> {
  const emit = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return await import('node:sqlite');
  } finally {
    process.emitWarning = emit;
  }
}

const OWNER_ALONE = 0o600;

/**
 * Makes the file where it is missing, and takes it, and what SQLite has beside it, from all others:
 * users of VMMs pass its folder. What SQLite makes there later has the mode of the file.
 */
async function keepToUs(path: string): Promise<void> {
  const file = await appendPlainFile(path, OWNER_ALONE).catch(() => null);
  // What is in the way SQLite meets too, and it is told then.
  if (!file) return;
  await file.close();
  for (const one of [path, `${path}-wal`, `${path}-shm`]) {
    await chmod(one, OWNER_ALONE).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }
}
