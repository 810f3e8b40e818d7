/** Whom functions are for, as records tell it: deployed anew, one may be for another. Pure. */
import type { Entry, Source } from './graph.ts';

export class Tenants {
  readonly #by_function = new Map<string, string>();

  take({ source, record }: Entry): void {
    const { kind, tenant = null } = record;
    const key = `${source.folder} ${record.function}`;
    if (tenant !== null) this.#by_function.set(key, tenant);
    else if (kind === 'deploy') this.#by_function.delete(key);
  }

  /** Null: nobody said. */
  of({ folder }: Pick<Source, 'folder'>, name: string): string | null {
    return this.#by_function.get(`${folder} ${name}`) ?? null;
  }

  /** Under which figures of it stand now, apart from those of other tenants. */
  keyOf({ folder }: Pick<Source, 'folder'>, name: string): string {
    return `${folder} ${name} ${this.of({ folder }, name) ?? ''}`;
  }
}
