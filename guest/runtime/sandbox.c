// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../common/protocol_constants.h"
#include "sandbox.h"
#include "span_peers.h"

#define PLACE "/run/sandbox"
/* Of a child that becomes a program, beside its standard streams; they are gone when it has. */
#define TROUBLE_FD 3
#define SPANS_FD 4
#define OPEN_FILES_MAX 1024
#define TMP_FILES_MAX "65536"

static void give_up(int fd, const char *step)
{
	char text[160];
	int length = snprintf(text, sizeof(text), "%s: %s", step, strerror(errno));

	if (write(fd, text, (size_t)length) < 0)
		_exit(126);
	_exit(127);
}

struct place {
	const char *type;
	const char *path;
	unsigned long flags;
	const char *options;
};

static void make_devices(int trouble)
{
	static const struct {
		const char *path;
		unsigned int minor;
	} nodes[] = {
		{ "dev/null", 3 }, { "dev/zero", 5 }, { "dev/full", 7 },
		{ "dev/random", 8 }, { "dev/urandom", 9 },
	};
	mode_t mask = umask(0);

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(1, nodes[i].minor)) < 0)
			give_up(trouble, nodes[i].path);
	if (symlink("/proc/self/fd", "dev/fd") < 0 || symlink("fd/0", "dev/stdin") < 0 ||
	    symlink("fd/1", "dev/stdout") < 0 || symlink("fd/2", "dev/stderr") < 0 ||
	    mkdir("dev/shm", 01777) < 0 || mkdir("sys/fs", 0755) < 0 ||
	    mkdir("sys/fs/cgroup", 0755) < 0)
		give_up(trouble, "dev");
	umask(mask);
}

static void mount_all(int trouble, const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mount(places[i].type, places[i].path, places[i].type, places[i].flags,
			  places[i].options) < 0)
			give_up(trouble, places[i].path);
}

/* Servers of names, a line each. */
static void write_resolvers(const char *path, const char *list, int trouble)
{
	FILE *file = fopen(path, "we");
	bool failed;

	if (!file)
		give_up(trouble, path);
	while (*list) {
		size_t length = strcspn(list, ",");

		fprintf(file, "nameserver %.*s\n", (int)length, list);
		list += length + (list[length] == ',');
	}
	fchmod(fileno(file), 0644);
	failed = ferror(file);
	if (fclose(file) || failed)
		give_up(trouble, path);
}

/* The image as it is, or with our own /etc/resolv.conf over whatever it has there. */
static void mount_image(const struct options *options, int trouble)
{
	const unsigned long closed = MS_RDONLY | MS_NOSUID | MS_NODEV;
	char layers[256];

	mkdir(PLACE, 0755);
	if (!options->dns) {
		if (mount(options->root, PLACE, NULL, MS_BIND, NULL) < 0)
			give_up(trouble, options->root);
		return;
	}
	if (mount("tmpfs", PLACE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=64k,nr_inodes=8") < 0 ||
	    mkdir(PLACE "/etc", 0755) < 0 || chmod(PLACE "/etc", 0755) < 0)
		give_up(trouble, "etc");
	write_resolvers(PLACE "/etc/resolv.conf", options->dns, trouble);
	snprintf(layers, sizeof(layers), "lowerdir=" PLACE ":%s", options->root);
	if (mount("overlay", PLACE, "overlay", closed, layers) < 0)
		give_up(trouble, "resolv.conf over the image");
}

/*
 * What there is of the guest itself in /proc belongs to root, and takes no capability to write: an
 * image may run as root.
 */
static void close_proc(int trouble)
{
	static const char *const paths[] = {
		"proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus", "proc/fs",
	};
	const unsigned long closed = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (mount(paths[i], paths[i], NULL, MS_BIND, NULL) == 0) {
			if (mount(NULL, paths[i], NULL, MS_REMOUNT | MS_BIND | closed, NULL) < 0)
				give_up(trouble, paths[i]);
		} else if (errno != ENOENT) {
			give_up(trouble, paths[i]);
		}
	}
}

static void build_root(const struct options *options, int trouble)
{
	const unsigned long closed = MS_RDONLY | MS_NOSUID | MS_NODEV;
	char tmp[96];
	const struct place first[] = {
		{ "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
		{ "tmpfs", "dev", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k,nr_inodes=64" },
		{ "tmpfs", "sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k,nr_inodes=16" },
		{ "tmpfs", "tmp", MS_NOSUID | MS_NODEV, tmp },
	};
	const struct place second[] = {
		{ "tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, tmp },
		{ "cgroup2", "sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL },
	};

	snprintf(tmp, sizeof(tmp), "mode=1777,size=%llu,nr_inodes=" TMP_FILES_MAX,
		 (unsigned long long)options->tmp_bytes);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		give_up(trouble, "mounts of its own");
	mount_image(options, trouble);
	if (chdir(PLACE) < 0)
		give_up(trouble, PLACE);
	mount_all(trouble, first, sizeof(first) / sizeof(first[0]));
	close_proc(trouble);
	make_devices(trouble);
	mount_all(trouble, second, sizeof(second) / sizeof(second[0]));
	/* Whatever the root is, and whoever may write into its folders. */
	if (mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | closed, NULL) < 0)
		give_up(trouble, "read-only root");
	/* The first root of a guest cannot be left by pivot_root(2): it is covered instead. */
	if (mount(PLACE, "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		give_up(trouble, "root");
}

static void become_user(const struct options *options, int trouble)
{
	const char *own = getenv(PROTOCOL_UID_VARIABLE);
	const char *user = options->user ? options->user : own ? own : "65534";
	char *rest;
	uid_t uid = (uid_t)strtoul(user, &rest, 10);
	gid_t gid = *rest == ':' ? (gid_t)strtoul(rest + 1, NULL, 10) : uid;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(gid, gid, gid) < 0)
		give_up(trouble, "user");
	/* Root inside an image is root without capabilities: none is left to gain. */
	for (int capability = 0; capability < 64; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	if (setresuid(uid, uid, uid) < 0)
		give_up(trouble, "user");
}

static void limit_files(void)
{
	struct rlimit files = { .rlim_cur = OPEN_FILES_MAX, .rlim_max = OPEN_FILES_MAX };
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &none);
}

/* Only these are left. False: errno says why. */
static bool keep_files(int out, int err, int trouble)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), spans = span_peers_listener();

	if (dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
	    dup3(trouble, TROUBLE_FD, O_CLOEXEC) < 0)
		return false;
	if (spans < 0)
		return syscall(SYS_close_range, SPANS_FD, ~0U, 0) == 0;
	if (spans != SPANS_FD && dup3(spans, SPANS_FD, O_CLOEXEC) < 0)
		return false;
	return syscall(SYS_close_range, SPANS_FD + 1, ~0U, 0) == 0;
}

static void open_spans(const struct options *options)
{
	int error = options->spans ? span_peers_bind(SPANS_FD, options->spans_socket) : 0;

	errno = -error;
	if (error)
		give_up(TROUBLE_FD, options->spans_socket);
}

static void become_program(const struct options *options, int out, int err, int trouble)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (!keep_files(out, err, trouble))
		give_up(trouble, "files");
	if (options->root) {
		if (unshare(CLONE_NEWCGROUP) < 0)
			give_up(TROUBLE_FD, "cgroup");
		if (sethostname(options->instance, strlen(options->instance)) < 0)
			give_up(TROUBLE_FD, "host name");
		build_root(options, TROUBLE_FD);
	}
	open_spans(options);
	if (options->root) {
		limit_files();
		become_user(options, TROUBLE_FD);
	}
	/* Nobody asks it anything without its supervisor; a change of user would undo this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (chdir(options->folder) < 0)
		give_up(TROUBLE_FD, options->folder);
	environ = options->environment;
	execvp(options->command[0], options->command);
	give_up(TROUBLE_FD, options->command[0]);
}

int sandbox_start(const struct options *options, struct program *program)
{
	unsigned long apart = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
	int out[2], err[2], trouble[2];
	long pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || pipe2(trouble, O_CLOEXEC) < 0)
		return -errno;
	pid = syscall(SYS_clone, (options->root ? apart : 0) | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_program(options, out[1], err[1], trouble[1]);
	close(out[1]);
	close(err[1]);
	close(trouble[1]);
	*program = (struct program){
		.pid = (pid_t)pid,
		.out_fd = out[0],
		.err_fd = err[0],
		.trouble_fd = trouble[0],
	};
	return 0;
}
