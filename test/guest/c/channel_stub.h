/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_TEST_CHANNEL_STUB_H
#define HOTPLANE_TEST_CHANNEL_STUB_H

#include <stddef.h>

/* Those of the channel (channel.c). */
#define OUTPUT_MAX (1024 * 1024)
#define OUTPUT_FREE_BELOW (32 * 1024)

/* What the host has not read yet. */
extern size_t channel_unread;

#endif
