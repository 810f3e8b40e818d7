/** Limits of the host's end of the guest protocol; those of both ends: constants.ts. Pure. */
export const GUEST_LIMITS = {
  /** Requests in flight on one guest channel. */
  requests_in_flight: 512,
} as const;
