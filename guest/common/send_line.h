/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_SEND_LINE_H
#define HOTPLANE_SEND_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Sends a line and its end over a Unix socket, with the open file @fd beside it; -1: none.
 * @flags as for sendmsg, and no SIGPIPE. False: not all of it was taken.
 */
bool send_line_with(int socket, const char *line, size_t length, int fd, int flags);

#endif
