/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_FILES_H
#define HOTPLANE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small files of proc, sysfs and cgroupfs. All return -errno when they fail. */

/* Reads at most @size - 1 bytes and terminates them; returns the length. */
int file_read(const char *path, char *out, size_t size);
int file_write(const char *path, const char *text);
int file_read_u64(const char *path, int base, uint64_t *out);
bool file_exists(const char *path);

/* The number after @key at the start of a line, as in /proc/vmstat or memory.events. */
uint64_t keyed_value(const char *text, const char *key);

/* The number after "@key=" anywhere, as in /proc/pressure. */
uint64_t assigned_value(const char *text, const char *key);

#endif
