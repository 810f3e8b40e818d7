/**
 * For those who test against the interface, or hold a driver of their own to it: the conformance
 * suite, the guest that it takes by the hand, and a fake Cloud Hypervisor.
 */
export { conformance } from './conformance/suite.ts';
export type * from './conformance/target.ts';
export { type DriverProfile, PROFILES } from './conformance/profiles.ts';
export { GUEST_SOURCE, type RealGuest, takeGuest } from './conformance/guest/hand.ts';
export * from './fake-cloud-hypervisor/index.ts';
