/** A headless Chromium, spoken to by its DevTools protocol; only where there is one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const START_MS = 60_000;
const CALL_MS = 30_000;

/**
 * Its program: $CHROMIUM, or what is in PATH; null: there is none. Throws where HOTPLANE_BROWSER
 * says that there has to be one.
 */
export function findBrowser(): string | null {
  const { CHROMIUM = '', PATH = '' } = process.env;
  const places = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  for (const path of [CHROMIUM, ...places]) {
    if (path === '') continue;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  if (process.env['HOTPLANE_BROWSER']) throw new Error('there is no browser: install chromium');
  return null;
}

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly scheme: 'light' | 'dark';
}

const messageSchema = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});
const requestSchema = z.object({ request: z.object({ url: z.string() }) });
const answerSchema = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.object({ text: z.string() }).optional(),
});

/** One page in it. */
export class Browser {
  /** Every address that the page asked for. */
  readonly requested: string[] = [];
  /** What went wrong in the page. */
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #session = '';
  #last = 0;

  private constructor(child: ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
  }

  static async start(program: string): Promise<Browser> {
    const folder = await mkdtemp(join(tmpdir(), 'hotplane-browser-'));
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run'];
    const child = spawn(
      program,
      [...options, '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'], HOME: folder } },
    );
    const socket = new WebSocket(await addressOf(child));
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', reject, { once: true });
    });
    const browser = new Browser(child, folder, socket);
    const target = await browser.#call('Target.createTarget', { url: 'about:blank' });
    const { targetId } = z.object({ targetId: z.string() }).parse(target);
    const attached = await browser.#call('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = z.object({ sessionId: z.string() }).parse(attached).sessionId;
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) {
      await browser.#call(`${domain}.enable`);
    }
    return browser;
  }

  async open(url: string, screen: Screen): Promise<void> {
    await this.look(screen);
    await this.#call('Page.navigate', { url });
  }

  /** Another screen, with the page as it is. */
  async look({ width, height, scheme }: Screen): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.#call('Emulation.setEmulatedMedia', { features });
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 500 };
    await this.#call('Emulation.setDeviceMetricsOverride', metrics);
  }

  /** The value of an expression in the page, as JSON carries it. */
  async evaluate(expression: string): Promise<unknown> {
    const answer = await this.#call('Runtime.evaluate', { expression, returnByValue: true });
    const { result, exceptionDetails } = answerSchema.parse(answer);
    if (exceptionDetails) throw new Error(`${exceptionDetails.text}: ${expression}`);
    return result.value;
  }

  /** A PNG of the whole page. */
  async screenshot(): Promise<Buffer> {
    const answer = await this.#call('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(z.object({ data: z.string() }).parse(answer).data, 'base64');
  }

  async close(): Promise<void> {
    this.#socket.close();
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #take(text: string): void {
    const { id, method, params, result, error } = messageSchema.parse(JSON.parse(text));
    if (method === 'Network.requestWillBeSent') {
      this.requested.push(requestSchema.parse(params).request.url);
    }
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') {
      this.errors.push(JSON.stringify(params));
    }
    const call = this.#calls.get(id ?? -1);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    this.#last += 1;
    const id = this.#last;
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(id, call);
    const session = this.#session === '' ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    const late = setTimeout(() => call.reject(new Error(`${method} took too long`)), CALL_MS);
    return call.promise.finally(() => {
      clearTimeout(late);
      this.#calls.delete(id);
    });
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const late = setTimeout(() => reject(new Error('the browser does not start')), START_MS);
  const { stderr } = child;
  if (!stderr) throw new Error('the browser has no output');
  createInterface({ input: stderr }).on('line', (line) => {
    const [, address] = /DevTools listening on (\S+)/.exec(line) ?? [];
    if (address) resolve(address);
  });
  child.once('exit', (code) => reject(new Error(`the browser ended with ${code}`)));
  return promise.finally(() => clearTimeout(late));
}
