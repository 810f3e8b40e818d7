/**
 * The program. An agent takes what Node compiled for the one before it: whoever starts it after
 * another was killed waits for it, and on a busy host that is most of its start.
 */
import { openCompileCache } from '../base/compile-cache.ts';

if (process.argv[2] === 'agent') await openCompileCache(process.env);
const { runProcess } = await import('./command-line.ts');
await runProcess(process.argv.slice(2));
