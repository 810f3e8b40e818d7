/**
 * Which handler a request is for. A path is fixed words and `:names` of one word each; `*` as its
 * last word is whatever follows, and as a method any.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { assert } from '../../base/assert.ts';

export interface HttpCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** By their names in the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** Answers a call; what it throws is answered with the status of its category. */
export type HttpHandler = (call: HttpCall) => Promise<void> | void;

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE' | '*';

interface Route {
  readonly words: readonly string[];
  readonly handlers: Map<string, HttpHandler>;
}

export type Found =
  | { readonly handler: HttpHandler; readonly params: Readonly<Record<string, string>> }
  /** The path is there, the method is not: these are. */
  | { readonly allow: readonly string[] };

export class Router {
  readonly #routes: Route[] = [];

  /** Adds a handler, e.g. for `/functions/:name`; of two paths that fit, the first one counts. */
  add(method: HttpMethod, path: string, handler: HttpHandler): void {
    const words = wordsOf(path);
    let route = this.#routes.find((one) => one.words.join('/') === words.join('/'));
    if (!route) {
      route = { words, handlers: new Map() };
      this.#routes.push(route);
    }
    assert(!route.handlers.has(method), `one handler for ${method} ${path}`);
    route.handlers.set(method, handler);
  }

  /** Null: there is no such path. HEAD is answered as GET; node sends no body then. */
  find(method: string, path: string): Found | null {
    const words = wordsOf(path);
    for (const { words: wanted, handlers } of this.#routes) {
      const params = matched(wanted, words);
      if (params === null) continue;
      const handler = handlers.get(method === 'HEAD' ? 'GET' : method) ?? handlers.get('*');
      return handler ? { handler, params } : { allow: [...handlers.keys()] };
    }
    return null;
  }
}

const wordsOf = (path: string): readonly string[] => path.split('/').slice(1);

function matched(
  wanted: readonly string[],
  words: readonly string[],
): Record<string, string> | null {
  const is_open = wanted.at(-1) === '*';
  if (is_open ? words.length < wanted.length : words.length !== wanted.length) return null;
  const params: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const word = words[index] ?? '';
    if (is_open && index === wanted.length - 1) break;
    if (!want.startsWith(':')) {
      if (want !== word) return null;
      continue;
    }
    const decoded = decodedWord(word);
    if (decoded === null || decoded === '') return null;
    params[want.slice(1)] = decoded;
  }
  return params;
}

function decodedWord(word: string): string | null {
  try {
    return decodeURIComponent(word);
  } catch {
    return null;
  }
}
