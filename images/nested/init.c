// SPDX-License-Identifier: Apache-2.0
/*
 * PID 1 of the nested machine: loads the modules it was given, mounts the host's root file system
 * read-only under a layer of memory, runs one command there and reports its exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT "/root"
#define WORK "/run/hotplane-nested"
#define NINEP "trans=virtio,version=9p2000.L,msize=512000"

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void die(const char *what)
{
	printf("hotplane-nested: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	power_off();
}

static void load_module(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		die(path);
	close(fd);
}

static void load_modules(void)
{
	char line[128];
	FILE *order = fopen("/modules/order", "r");

	if (!order)
		die("/modules/order");
	while (fgets(line, sizeof(line), order)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			load_module(line);
	}
	fclose(order);
}

static void mount_on(const char *source, const char *target, const char *type, unsigned long flags,
		     const char *options)
{
	if (mkdir(target, 0755) && errno != EEXIST)
		die(target);
	if (mount(source, target, type, flags, options))
		die(target);
}

static void build_root(void)
{
	mkdir("/lower", 0755);
	mkdir("/layer", 0755);
	mount_on("root", "/lower", "9p", MS_RDONLY, NINEP ",cache=loose");
	mount_on("tmpfs", "/layer", "tmpfs", 0, NULL);
	mkdir("/layer/upper", 0755);
	mkdir("/layer/work", 0755);
	mount_on("overlay", ROOT, "overlay", 0,
		 "lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work");
	mount_on("tmpfs", ROOT "/run", "tmpfs", 0, NULL);
	mount_on("work", ROOT WORK, "9p", 0, NINEP);
	mount_on("devtmpfs", ROOT "/dev", "devtmpfs", 0, NULL);
	mount_on("devpts", ROOT "/dev/pts", "devpts", 0, NULL);
	mount_on("tmpfs", ROOT "/dev/shm", "tmpfs", 0, NULL);
	mount_on("proc", ROOT "/proc", "proc", 0, NULL);
	mount_on("sysfs", ROOT "/sys", "sysfs", 0, NULL);
	mount_on("cgroup2", ROOT "/sys/fs/cgroup", "cgroup2", 0, NULL);
	if (chroot(ROOT) || chdir("/"))
		die("chroot");
}

static int run_command(void)
{
	int status;
	pid_t child = fork(), reaped;

	if (child < 0)
		die("fork");
	if (!child) {
		setsid();
		setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
		setenv("HOME", "/tmp", 1);
		execl("/bin/sh", "sh", WORK "/command", (char *)NULL);
		_exit(127);
	}
	do
		reaped = wait(&status);
	while (reaped != child && !(reaped < 0 && errno == ECHILD));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	FILE *report;
	int code;

	load_modules();
	build_root();
	code = run_command();
	report = fopen(WORK "/status", "w");
	if (!report)
		die(WORK "/status");
	fprintf(report, "%d\n", code);
	fclose(report);
	power_off();
	return 0;
}
