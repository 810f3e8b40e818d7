/** Every wire type of the REST API. */
export type * from './common.ts';
export type * from './devices.ts';
export type * from './info.ts';
export type * from './memory.ts';
export type * from './migration.ts';
export type * from './vm-config.ts';
