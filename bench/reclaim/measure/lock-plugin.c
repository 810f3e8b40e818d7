// SPDX-License-Identifier: Apache-2.0
/*
 * A plugin of QEMU's: counts the guest's instructions while it holds a partition's lock, on the two
 * ways on which page faults and freed pages meet it. Arguments are the addresses of four functions
 * of the guest's kernel: take=, give=, acquire= and release=, in hexadecimal. Says on standard
 * error, after every CALLS calls of one, how many instructions of all of them were under the lock.
 *
 * Only for one CPU: two of them would count into each other.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What it needs of qemu-plugin.h, which distributions bring with no package. All of it is the same
 * from version 1 of the interface on; PLUGIN_API is what this QEMU takes.
 */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int vcpu, void *data),
					  enum qemu_plugin_cb_flags flags, void *data);

extern int qemu_plugin_version;
int qemu_plugin_version = PLUGIN_API;
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

/* bench/reclaim/measure/lock.ts divides by it. */
#define CALLS 4096

enum mark { NOTHING, TAKE, GIVE, ACQUIRE, RELEASE, MARKS };

static const char *const names[MARKS] = { "", "take", "give", "acquire", "release" };
static uint64_t addresses[MARKS];

static uint64_t instructions, acquired_at;
static enum mark inside, held;
static uint64_t sums[MARKS], calls[MARKS];

static void released(void)
{
	sums[held] += instructions - acquired_at;
	if (++calls[held] == CALLS) {
		fprintf(stderr, "bench-off held-%s %" PRIu64 "\n", names[held], sums[held]);
		sums[held] = calls[held] = 0;
	}
	held = inside = NOTHING;
}

/* A function is come to by a jump, so it begins a block: blocks are all there is to look at. */
static void executed(unsigned int vcpu, void *data)
{
	const uintptr_t packed = (uintptr_t)data;
	const enum mark mark = packed % MARKS;

	(void)vcpu;
	if (mark == TAKE || mark == GIVE) {
		inside = mark;
	} else if (mark == ACQUIRE && inside && !held) {
		held = inside;
		acquired_at = instructions;
	} else if (mark == RELEASE && held) {
		released();
	}
	instructions += packed / MARKS;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	const uint64_t start = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	uintptr_t packed = qemu_plugin_tb_n_insns(tb) * MARKS;

	(void)id;
	for (enum mark mark = TAKE; mark < MARKS; mark++)
		if (addresses[mark] == start)
			packed += mark;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, (void *)packed);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		for (enum mark mark = TAKE; mark < MARKS; mark++) {
			const size_t length = strlen(names[mark]);

			if (!strncmp(argv[i], names[mark], length) && argv[i][length] == '=')
				addresses[mark] = strtoull(argv[i] + length + 1, NULL, 16);
		}
	for (enum mark mark = TAKE; mark < MARKS; mark++)
		if (!addresses[mark]) {
			fprintf(stderr, "%s= is missing\n", names[mark]);
			return 1;
		}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
