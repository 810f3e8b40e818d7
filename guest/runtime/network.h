/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_NETWORK_H
#define HOTPLANE_NETWORK_H

#include "options.h"

/*
 * Leaves the VM's network for one of the supervisor's own: loopback, and with an address a device
 * on the VM's, apart from those of other instances. NULL, or which step failed, with its errno.
 */
const char *network_enter(const struct options *options);

/* NULL, or what is wrong with what the options say of it. */
const char *network_refusal(const struct options *options);

#endif
