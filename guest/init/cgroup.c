// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define PIDS_MAX "4096"
/* As many as may end at once before one is removed on the spot. */
#define CGROUPS_LEFT_MAX 256

static int set(const char *path, const char *file, const char *value)
{
	char name[CGROUP_PATH_MAX + 32];

	snprintf(name, sizeof(name), "%s/%s", path, file);
	return file_write(name, value);
}

static void get(const char *path, const char *file, char *out, size_t size)
{
	char name[CGROUP_PATH_MAX + 32];

	snprintf(name, sizeof(name), "%s/%s", path, file);
	file_read(name, out, size);
}

int cgroup_setup(void)
{
	return file_write(CGROUP_ROOT "/cgroup.subtree_control",
			  "+memory +pids +cpu +cpuset");
}

/* Numbers of the next cgroup to make and to give out: those in between are spare. */
static unsigned int made, given;
static bool short_of_memory;
/* Ends of instances whose empty cgroups are still there, oldest first. */
static char left[CGROUPS_LEFT_MAX][CGROUP_PATH_MAX];
static unsigned int left_first, left_count;

static void path_of(unsigned int number, char path[CGROUP_PATH_MAX])
{
	snprintf(path, CGROUP_PATH_MAX, CGROUP_ROOT "/instance-%u", number);
}

static int make_next(void)
{
	char path[CGROUP_PATH_MAX];
	int error;

	path_of(made, path);
	if (mkdir(path, 0755) < 0)
		return -errno;
	error = set(path, "pids.max", PIDS_MAX);
	if (!error)
		error = set(path, "memory.oom.group", "1");
	if (error)
		rmdir(path);
	else
		made++;
	return error;
}

static int limit(const char *path, uint64_t memory_max_bytes, const char *nodes, bool whole,
		 unsigned int pids_max)
{
	char number[32];
	int error = 0;

	if (!whole)
		error = set(path, "memory.oom.group", "0");
	if (!error && pids_max > 0) {
		snprintf(number, sizeof(number), "%u", pids_max);
		error = set(path, "pids.max", number);
	}
	if (!error && memory_max_bytes > 0) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)memory_max_bytes);
		error = set(path, "memory.max", number);
	}
	if (!error && nodes[0])
		error = set(path, "cpuset.mems", nodes);
	return error;
}

int cgroup_take(char path[CGROUP_PATH_MAX], uint64_t memory_max_bytes, const char *nodes,
		bool whole, unsigned int pids_max)
{
	int error = given == made ? make_next() : 0;

	if (error)
		return error;
	short_of_memory = false;
	path_of(given++, path);
	error = limit(path, memory_max_bytes, nodes, whole, pids_max);
	if (error)
		rmdir(path);
	return error;
}

void cgroup_limit(const char *path, uint64_t memory_max_bytes)
{
	char number[32];

	if (cgroup_current_bytes(path) > memory_max_bytes)
		return;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)memory_max_bytes);
	set(path, "memory.max", number);
}

void cgroup_leave(const char *path)
{
	if (left_count == CGROUPS_LEFT_MAX)
		cgroup_tidy();
	snprintf(left[(left_first + left_count++) % CGROUPS_LEFT_MAX], CGROUP_PATH_MAX, "%s", path);
}

bool cgroup_untidy(void)
{
	return left_count > 0 || (made - given < CGROUPS_SPARE && !short_of_memory);
}

bool cgroup_tidy(void)
{
	if (left_count > 0) {
		rmdir(left[left_first]);
		left_first = (left_first + 1) % CGROUPS_LEFT_MAX;
		left_count--;
		return true;
	}
	/* Not tried again and again: the next start makes its own, and says why when it cannot. */
	short_of_memory = make_next() != 0;
	return !short_of_memory;
}

void cgroup_kill(const char *path)
{
	set(path, "cgroup.kill", "1");
}

bool cgroup_populated(const char *path)
{
	char text[128];

	get(path, "cgroup.events", text, sizeof(text));
	return keyed_value(text, "populated") != 0;
}

uint64_t cgroup_oom_kills(const char *path)
{
	char text[512];

	get(path, "memory.events", text, sizeof(text));
	return keyed_value(text, "oom_kill");
}

uint64_t cgroup_current_bytes(const char *path)
{
	char name[CGROUP_PATH_MAX + 32];
	uint64_t value = 0;

	snprintf(name, sizeof(name), "%s/memory.current", path);
	file_read_u64(name, 10, &value);
	return value;
}

uint64_t cgroup_peak_bytes(const char *path)
{
	char name[CGROUP_PATH_MAX + 32];
	uint64_t value = 0;

	snprintf(name, sizeof(name), "%s/memory.peak", path);
	file_read_u64(name, 10, &value);
	return value;
}

/* Counts of memory.numa_stat that do not overlap, and stand at its begin. */
static const char *const node_counts[] = { "anon", "file", "kernel_stack", "pagetables" };

bool cgroup_node_bytes(const char *path, int node, uint64_t *bytes)
{
	static char text[16 * 1024];
	char name[CGROUP_PATH_MAX + 32];
	char key[16];

	snprintf(name, sizeof(name), "%s/memory.numa_stat", path);
	if (file_read(name, text, sizeof(text)) <= 0)
		return false;
	snprintf(key, sizeof(key), "N%d", node);
	*bytes = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		for (size_t i = 0; i < sizeof(node_counts) / sizeof(node_counts[0]); i++) {
			size_t length = strlen(node_counts[i]);

			if (!strncmp(line, node_counts[i], length) && line[length] == ' ')
				*bytes += assigned_value(line + length, key);
		}
	return true;
}
