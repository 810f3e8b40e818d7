/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef HOTPLANE_HOTMEM_ABI_H
#define HOTPLANE_HOTMEM_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The part of include/uapi/linux/hotmem.h (guest-kernel-patches/) that the init uses. A copy, so
 * that one init serves patched and untouched kernels; a test compares the two.
 */
struct hotmem_attach {
	__u32 flags;
	/* How long to wait for the host to plug the partition; 0: EAGAIN at once. */
	__u32 timeout_ms;
};

#define HOTMEM_IOC_ATTACH _IOW(0xBC, 0x00, struct hotmem_attach)

#define HOTMEM_JOIN_MAX 3

struct hotmem_member {
	/* Its device file, open for writing. */
	__s32 fd;
	/* Its share beside the others', 1 to 255. */
	__u32 weight;
};

struct hotmem_join {
	/* Of the partition of the file that this is called for. */
	__u32 weight;
	/* Of @others, 1 to 3. */
	__u32 nr;
	struct hotmem_member others[HOTMEM_JOIN_MAX];
};

#define HOTMEM_IOC_JOIN _IOW(0xBC, 0x03, struct hotmem_join)

#endif
