/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_CGROUP_H
#define HOTPLANE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* One cgroup (v2) per instance, straight below the root. Functions return 0 or -errno. */

#define CGROUP_PATH_MAX 64

int cgroup_setup(void);
/* @whole: running out of memory ends all of it, not one process. */
int cgroup_create(const char *path, uint64_t memory_max_bytes, int node, bool whole);
/* Ends every process in it. */
void cgroup_kill(const char *path);
bool cgroup_populated(const char *path);
uint64_t cgroup_oom_kills(const char *path);
uint64_t cgroup_peak_bytes(const char *path);
int cgroup_remove(const char *path);

#endif
