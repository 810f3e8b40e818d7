/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_ATTACHED_H
#define HOTPLANE_ATTACHED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes attached to a line of JSON, as guest/protocol/attached-bytes.ts tells: behind a mark, with
 * ends of lines and the escape itself told by two bytes.
 */

/* Length of the JSON of a line: all of it, when nothing is attached. */
size_t attached_json_length(const char *line, size_t length);

/* Writes @length bytes as they travel, at most twice as many; returns how many these are. */
size_t attached_escape(char *out, const char *bytes, size_t length);

/* Puts travelled bytes back in place. False when they end inside an escape. */
bool attached_unescape(char *bytes, size_t *length);

#endif
