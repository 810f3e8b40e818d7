/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_REQUESTS_H
#define HOTPLANE_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>

/* A connection begins: says hello, and forgets what the one before waits for. */
void requests_connected(void);

/* Serves one line of the agent. Whatever it holds, it gets one reply at most and never a crash. */
void request_line(char *line, size_t length, bool too_long);

#endif
