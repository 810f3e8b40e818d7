/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_CGROUP_H
#define HOTPLANE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One cgroup (v2) per instance, straight below the root. Making and removing one takes longer than
 * all the rest of a start or an end, so it is done ahead, and afterwards, when nothing else is to
 * be done. None is used twice: limits, counters and charged pages of an instance end with it.
 * Functions return 0 or -errno.
 */

#define CGROUP_PATH_MAX 64
/* Kept ready. A larger burst makes the rest on the spot. */
#define CGROUPS_SPARE 32

int cgroup_setup(void);
/*
 * Gives out a cgroup nobody has used, with these limits, and writes its @path.
 * @nodes: that its memory comes from, as cpuset.mems has them; empty: any.
 * @whole: running out of memory ends all of it, not one process.
 */
int cgroup_take(char path[CGROUP_PATH_MAX], uint64_t memory_max_bytes, const char *nodes,
		bool whole, unsigned int pids_max);
/*
 * Another limit than it was given out with. One below what it holds is not set: the kernel would
 * take memory from it, and kill, while the caller waits.
 */
void cgroup_limit(const char *path, uint64_t memory_max_bytes);
/* An empty cgroup is not needed any more. */
void cgroup_leave(const char *path);
/* Is there anything for cgroup_tidy? */
bool cgroup_untidy(void);
/* Removes one that was left, else makes a spare one; false when there is nothing to do. */
bool cgroup_tidy(void);
/* Ends every process in it. */
void cgroup_kill(const char *path);
bool cgroup_populated(const char *path);
uint64_t cgroup_oom_kills(const char *path);
uint64_t cgroup_current_bytes(const char *path);
uint64_t cgroup_peak_bytes(const char *path);
/* Of what its processes have touched, what lies on @node; false: the kernel does not tell it. */
bool cgroup_node_bytes(const char *path, int node, uint64_t *bytes);

#endif
