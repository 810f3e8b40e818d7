/**
 * The tree of files that a package is, put together from layers in memory: contents are named, not
 * held. A path is only ever followed in here, so that no archive reaches a file of the host. Pure.
 */
import { refused } from './refusal.ts';
import { PACKAGE_LIMITS } from './limits.ts';
import { pathParts } from './path.ts';

/** Permission bits with set-id and sticky bits, and numbers of users. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Bytes that lie in a file of the host. */
export interface Content {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface FolderNode {
  readonly type: 'folder';
  attributes: Attributes;
  readonly children: Map<string, TreeNode>;
}
/** An inode: hard links are one node in several places. */
export interface FileNode {
  readonly type: 'file';
  readonly attributes: Attributes;
  readonly content: Content;
}
export interface LinkNode {
  readonly type: 'link';
  readonly attributes: Attributes;
  readonly target: string;
}
export type TreeNode = FolderNode | FileNode | LinkNode;

export const ROOT_FOLDER: Attributes = { mode: 0o755, uid: 0, gid: 0 };

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

export const folderNode = (attributes: Attributes = ROOT_FOLDER): FolderNode => ({
  type: 'folder',
  attributes,
  children: new Map(),
});

export class ImageTree {
  readonly root = folderNode();
  /** What it is made of, for messages. */
  readonly #source: string;
  /** What the layer being added has brought or confirmed: it hides nothing of its own. */
  #fresh = new WeakSet<TreeNode>();
  #layers = 0;
  #entries = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** From here on whiteouts hide what is there now. Throws HP_IMAGE_ARCHIVE, as all below. */
  beginLayer(): void {
    this.#layers += 1;
    if (this.#layers > PACKAGE_LIMITS.layers) {
      throw refused(this.#source, '', `has more than ${PACKAGE_LIMITS.layers} layers`);
    }
    this.#fresh = new WeakSet();
  }

  /** Adds a folder, or gives one that is there other attributes. */
  addFolder(path: string, attributes: Attributes, over_links: 'replace' | 'follow'): void {
    const place = this.#placeOf(path);
    if (place === null) {
      this.root.attributes = attributes;
      return;
    }
    const { folder, name } = place;
    const old = folder.children.get(name);
    // A Debian package names /lib as a folder where it is a link to one (dpkg(1) follows it).
    if (old?.type === 'link' && over_links === 'follow' && this.#leadsToFolder(path)) return;
    const node = old?.type === 'folder' ? old : folderNode(attributes);
    node.attributes = attributes;
    this.#put(folder, name, node);
  }

  addFile(path: string, attributes: Attributes, content: Content): void {
    const { folder, name } = this.#namedPlace(path);
    this.#put(folder, name, { type: 'file', attributes, content });
  }

  /** A symbolic link. One that leads out of the tree by `..` is refused. */
  addLink(path: string, attributes: Attributes, target: string): void {
    const { folder, name, depth } = this.#namedPlace(path);
    const trouble = linkTrouble(target, depth);
    if (trouble !== null) throw refused(this.#source, path, trouble);
    this.#put(folder, name, { type: 'link', attributes, target });
  }

  /** A further name of a file that is in the tree. */
  addHardLink(path: string, target: string): void {
    const { folder, name } = this.#namedPlace(path);
    const node = this.#at(this.#parts(target, path), false);
    if (node?.type !== 'file') {
      throw refused(this.#source, path, `is a hard link to ${target}, which is no file of it`);
    }
    this.#put(folder, name, node);
  }

  /** Takes `.wh.NAME` and `.wh..wh..opq` (OCI image specification, layer.md); false: neither. */
  hide(path: string): boolean {
    const parts = this.#parts(path, path);
    const mark = parts.at(-1) ?? '';
    if (!mark.startsWith(WHITEOUT)) return false;
    const folder = this.#folderAt(parts.slice(0, -1), path);
    this.#count(path);
    if (mark === OPAQUE) this.#forgetOld(folder);
    else this.#forgetOne(folder, mark.slice(WHITEOUT.length), path);
    return true;
  }

  /** What is at a path, links on the way and at its end followed; null: nothing. */
  find(path: string): TreeNode | null {
    return this.#at(this.#parts(path.replace(/^\/+/, ''), path), true);
  }

  #forgetOne(folder: FolderNode, name: string, path: string): void {
    if (name === '' || name === '.' || name === '..') {
      throw refused(this.#source, path, 'hides nothing that can be named');
    }
    const old = folder.children.get(name);
    if (old === undefined) return;
    if (!this.#fresh.has(old)) folder.children.delete(name);
    else if (old.type === 'folder') this.#forgetOld(old);
  }

  #forgetOld(folder: FolderNode): void {
    for (const [name, node] of folder.children) {
      if (!this.#fresh.has(node)) folder.children.delete(name);
      else if (node.type === 'folder') this.#forgetOld(node);
    }
  }

  #put(folder: FolderNode, name: string, node: TreeNode): void {
    folder.children.set(name, node);
    this.#fresh.add(node);
  }

  #parts(path: string, named: string): readonly string[] {
    const parts = pathParts(path);
    if (typeof parts !== 'string') return parts;
    throw refused(this.#source, named, parts);
  }

  #count(path: string): void {
    this.#entries += 1;
    if (this.#entries <= PACKAGE_LIMITS.entries) return;
    throw refused(this.#source, path, `is one entry more than ${PACKAGE_LIMITS.entries}`);
  }

  /** Where a path is to be put; null for the root itself. */
  #placeOf(path: string): { folder: FolderNode; name: string; depth: number } | null {
    const parts = this.#parts(path, path);
    this.#count(path);
    const name = parts.at(-1);
    if (name === undefined) return null;
    const folder = this.#folderAt(parts.slice(0, -1), path);
    return { folder, name, depth: parts.length - 1 };
  }

  #namedPlace(path: string): { folder: FolderNode; name: string; depth: number } {
    const place = this.#placeOf(path);
    if (place !== null) return place;
    throw refused(this.#source, path, 'is the root, which can only be a folder');
  }

  /** The folder at a path; folders that no entry named are made. */
  #folderAt(parts: readonly string[], path: string): FolderNode {
    const node = this.#walk(parts, true, (folder, name) => {
      const made = folderNode();
      folder.children.set(name, made);
      return made;
    });
    if (node?.type !== 'folder') {
      throw refused(this.#source, path, 'lies below something that is no folder');
    }
    return node;
  }

  #at(parts: readonly string[], follow_last: boolean): TreeNode | null {
    return this.#walk(parts, follow_last, () => null);
  }

  #leadsToFolder(path: string): boolean {
    return this.#at(this.#parts(path, path), true)?.type === 'folder';
  }

  /** Goes to a path, links followed; `missing` may make what is not there. */
  #walk(
    parts: readonly string[],
    follow_last: boolean,
    missing: (folder: FolderNode, name: string) => TreeNode | null,
  ): TreeNode | null {
    let trail: TreeNode[] = [this.root];
    const rest = parts.toReversed();
    let hops = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      const here = trail.at(-1);
      if (here?.type !== 'folder') return null;
      this.#fresh.add(here);
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const node = here.children.get(name) ?? missing(here, name);
      if (node === null) return null;
      if (node.type !== 'link' || (rest.length === 0 && !follow_last)) {
        trail.push(node);
        continue;
      }
      hops += 1;
      if (hops > PACKAGE_LIMITS.link_hops) {
        throw refused(this.#source, parts.join('/'), 'leads through links without end');
      }
      if (node.target.startsWith('/')) trail = [this.root];
      const on = node.target.split('/').filter((part) => part !== '' && part !== '.');
      rest.push(...on.toReversed());
    }
    return trail.at(-1) ?? null;
  }
}

/** What is wrong with the target of a link that lies `depth` folders below the root. */
function linkTrouble(target: string, depth: number): string | null {
  if (target === '' || target.includes('\0')) return 'is a link to nothing that can be named';
  if (Buffer.byteLength(target) > PACKAGE_LIMITS.path_bytes) return 'is a link to too long a path';
  let level = target.startsWith('/') ? 0 : depth;
  for (const part of target.split('/')) {
    if (part === '..') level -= 1;
    else if (part !== '' && part !== '.') level += 1;
    if (level < 0) return `is a link out of the tree (${target})`;
  }
  return null;
}
