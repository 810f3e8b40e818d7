/** Imports: a file beside the one that is read is followed, everything else is a library. */
import type { Machine } from './machine.ts';
import { execute } from './statements.ts';
import type { Statement } from './tree.ts';
import { moduleNamed, newScope, type Scope, type Value } from './values.ts';

type Import = Pick<Extract<Statement, { kind: 'import' }>, 'module' | 'file' | 'member'>;

/** What a name that was imported stands for. */
export function importedModule(machine: Machine, { module, file, member }: Import): Value {
  const found = machine.beside(file ?? module);
  if (!found) return moduleNamed(module);
  const scope = loaded(machine, found);
  const members = file === undefined ? found.members : member ? [member] : [];
  const [first] = members;
  if (first === undefined) return { kind: 'module', name: module, scope, site: null, holds: [] };
  return scope.names.get(first) ?? moduleNamed(module);
}

/** Its names after it ran once; one that imports itself sees those it has so far. */
function loaded(machine: Machine, { file, tree }: NonNullable<ReturnType<Machine['beside']>>) {
  const known = machine.modules.get(file);
  if (known) return known;
  const scope: Scope = newScope(null, file);
  machine.modules.set(file, scope);
  for (const line of tree.broken_lines.slice(0, 8)) {
    machine.scopes.push(scope);
    machine.remark(line, 'the line cannot be read', 'refused');
    machine.scopes.pop();
  }
  machine.scopes.push(scope);
  execute(machine, tree.body);
  machine.scopes.pop();
  return scope;
}
