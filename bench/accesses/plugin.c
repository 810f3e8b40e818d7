// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's emulator that counts what a guest does with its memory: loads, stores, bytes
 * that are stored, and lines that a stated cache would have to fill, of each granule of memory and
 * each vCPU. The counts are in a file that others read while the guest runs
 * (hypervisor-client/qemu/accesses.ts).
 *
 * Each vCPU has counters and a cache of its own, which only its thread writes: no locks. The cache
 * is set-associative, evicts what was used longest ago, and fills a line for loads and stores
 * alike; write-backs are not counted. Instruction fetches, page walks, and what devices and the
 * host read and write by themselves are not seen. An access across two lines of a page uses both.
 *
 * Arguments: counts=FILE granules=N shift=N (a granule has 2^N bytes) sets=N ways=N.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "qemu-plugin.h"

#define MAGIC 0x315354504f48ULL /* "HOPTS1" */
#define SHIFT_MIN 12
#define SHIFT_MAX 30
#define LINE_SHIFT 6
#define LINE_BYTES (1u << LINE_SHIFT)
#define PAGE_BYTES 4096u
#define VCPUS_MAX 64u
#define GRANULES_MAX (1u << 24)
#define SETS_MAX (1u << 20)
#define WAYS_MAX 64u

struct header {
	uint64_t magic;
	uint64_t vcpus;
	uint64_t granules;
	uint64_t granule_shift;
	uint64_t line_bytes;
	uint64_t sets;
	uint64_t ways;
	uint64_t reserved;
};

/* Of one vCPU; 64 bytes, so that no two vCPUs share a line of the host. */
struct totals {
	uint64_t instructions;
	uint64_t devices;
	uint64_t beyond;
	uint64_t reserved[5];
};

struct granule {
	uint64_t loads;
	uint64_t stores;
	uint64_t fills;
	uint64_t stored_bytes;
};

struct vcpu {
	struct totals *totals;
	struct granule *granules;
	/* Lines + 1 by set, what was used last in front; 0: empty. */
	uint64_t *ways;
	/* Line + 1 of the last access: it is in front of its set. */
	uint64_t last;
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = 1;

static struct header *header;
static unsigned int granule_shift;
static struct vcpu vcpus[VCPUS_MAX];

static bool is_filled(struct vcpu *vcpu, uint64_t line)
{
	uint64_t *set, wanted = line + 1, at = 0;
	bool was_there;

	if (vcpu->last == wanted)
		return false;
	vcpu->last = wanted;
	set = vcpu->ways + (line & (header->sets - 1)) * header->ways;
	while (at < header->ways - 1 && set[at] != wanted)
		at++;
	/* The last way is the one that was found, or the one that is evicted. */
	was_there = set[at] == wanted;
	memmove(set + 1, set, at * sizeof(*set));
	set[0] = wanted;
	return !was_there;
}

static void on_access(unsigned int index, qemu_plugin_meminfo_t info, uint64_t address,
		      void *data)
{
	struct qemu_plugin_hwaddr *hwaddr = qemu_plugin_get_hwaddr(info, address);
	unsigned int bytes = 1u << qemu_plugin_mem_size_shift(info);
	struct granule *granule;
	struct vcpu *vcpu;
	uint64_t key, last;

	(void)data;
	if (index >= header->vcpus)
		return;
	vcpu = &vcpus[index];
	if (!hwaddr || qemu_plugin_hwaddr_is_io(hwaddr)) {
		vcpu->totals->devices++;
		return;
	}
	key = qemu_plugin_hwaddr_phys_addr(hwaddr);
	if (key >> granule_shift >= header->granules) {
		vcpu->totals->beyond++;
		return;
	}
	granule = &vcpu->granules[key >> granule_shift];
	if (qemu_plugin_mem_is_store(info)) {
		granule->stores++;
		granule->stored_bytes += bytes;
	} else {
		granule->loads++;
	}
	if (is_filled(vcpu, key >> LINE_SHIFT))
		granule->fills++;
	last = key + bytes - 1;
	if (last >> LINE_SHIFT != key >> LINE_SHIFT && last / PAGE_BYTES == key / PAGE_BYTES &&
	    is_filled(vcpu, last >> LINE_SHIFT))
		granule->fills++;
}

static void on_block(unsigned int index, void *data)
{
	if (index < header->vcpus)
		vcpus[index].totals->instructions += (uintptr_t)data;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
	size_t count = qemu_plugin_tb_n_insns(block);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, QEMU_PLUGIN_CB_NO_REGS,
					     (void *)(uintptr_t)count);
	for (size_t at = 0; at < count; at++)
		qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(block, at), on_access,
						 QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
}

/* The number behind `name=`, between 1 and `most`; 0: it is not there, or no such number. */
static uint64_t number_of(const char *name, uint64_t most, int argc, char **argv)
{
	size_t length = strlen(name);

	for (int at = 0; at < argc; at++) {
		char *end;
		uint64_t value;

		if (strncmp(argv[at], name, length) || argv[at][length] != '=')
			continue;
		value = strtoull(argv[at] + length + 1, &end, 10);
		return *end || value > most ? 0 : value;
	}
	return 0;
}

static const char *path_of(int argc, char **argv)
{
	for (int at = 0; at < argc; at++)
		if (!strncmp(argv[at], "counts=", 7))
			return argv[at] + 7;
	return NULL;
}

static int refuse(const char *what)
{
	fprintf(stderr, "accesses: %s\n", what);
	return 1;
}

/* The file with all counters, mapped: holes until a granule is used. */
static void *map_counts(const char *path, size_t bytes)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	void *at = MAP_FAILED;

	if (file < 0)
		return NULL;
	if (!ftruncate(file, (off_t)bytes))
		at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return at == MAP_FAILED ? NULL : at;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	uint64_t granules = number_of("granules", GRANULES_MAX, argc, argv);
	uint64_t shift = number_of("shift", SHIFT_MAX, argc, argv);
	uint64_t sets = number_of("sets", SETS_MAX, argc, argv);
	uint64_t ways = number_of("ways", WAYS_MAX, argc, argv);
	const char *path = path_of(argc, argv);
	uint64_t count, each;
	char *counts;

	if (!info->system_emulation)
		return refuse("it counts whole machines");
	if (!path || !granules || shift < SHIFT_MIN || !sets || sets & (sets - 1) || !ways)
		return refuse("counts=FILE granules=N shift=N sets=N (a power of two) ways=N");
	count = (uint64_t)info->system.max_vcpus;
	if (!count || count > VCPUS_MAX)
		return refuse("too many vCPUs");
	each = sizeof(struct totals) + granules * sizeof(struct granule);
	counts = map_counts(path, sizeof(struct header) + count * each);
	if (!counts)
		return refuse("no file for the counts");
	header = (struct header *)counts;
	granule_shift = (unsigned int)shift;
	for (uint64_t at = 0; at < count; at++) {
		char *own = counts + sizeof(struct header) + at * each;

		vcpus[at].totals = (struct totals *)own;
		vcpus[at].granules = (struct granule *)(own + sizeof(struct totals));
		vcpus[at].ways = calloc(sets * ways, sizeof(uint64_t));
		if (!vcpus[at].ways)
			return refuse("no memory for the caches");
	}
	*header = (struct header){
		.magic = MAGIC,
		.vcpus = count,
		.granules = granules,
		.granule_shift = shift,
		.line_bytes = LINE_BYTES,
		.sets = sets,
		.ways = ways,
	};
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
