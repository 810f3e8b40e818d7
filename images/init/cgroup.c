// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "files.h"

#define PIDS_MAX "4096"

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
	return file_write("/sys/fs/cgroup/cgroup.subtree_control",
			  "+memory +pids +cpu +cpuset");
}

int cgroup_create(const char *path, uint64_t memory_max_bytes, int node, bool whole)
{
	char number[32];
	int error;

	if (mkdir(path, 0755) < 0)
		return -errno;
	error = set(path, "pids.max", PIDS_MAX);
	if (!error && whole)
		error = set(path, "memory.oom.group", "1");
	if (!error && memory_max_bytes > 0) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)memory_max_bytes);
		error = set(path, "memory.max", number);
	}
	if (!error && node >= 0) {
		snprintf(number, sizeof(number), "%d", node);
		error = set(path, "cpuset.mems", number);
	}
	if (error)
		rmdir(path);
	return error;
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

uint64_t cgroup_peak_bytes(const char *path)
{
	char name[CGROUP_PATH_MAX + 32];
	uint64_t value = 0;

	snprintf(name, sizeof(name), "%s/memory.peak", path);
	file_read_u64(name, 10, &value);
	return value;
}

int cgroup_remove(const char *path)
{
	return rmdir(path) < 0 ? -errno : 0;
}
