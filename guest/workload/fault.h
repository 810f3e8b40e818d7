/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_FAULT_H
#define HOTPLANE_FAULT_H

enum fault_point { FAULT_BEFORE_READY, FAULT_AT_INVOKE };

/*
 * Fails as HOTPLANE_FAULT asks, for those who test what happens then: `never-ready` before the
 * ready byte; `exit`, `abort`, `garbage`, `hang`, `fork` (leaves a child that ignores SIGTERM) or
 * `panic` (of the guest; needs HOTPLANE_USER=root) at the first invocation.
 */
void fault_at(enum fault_point point);

#endif
