export * from './kernel-arguments.ts';
