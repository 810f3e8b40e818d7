// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "../common/boottime.h"
#include "network.h"

/* The VM's device, and the name of an instance's own: no name may be in both networks. */
#define VM_DEVICE "eth0"
#define OWN_DEVICE "net0"
/* The network of the instance before, which had the same address, ends a while after it. */
#define BUSY_MS 5000
#define LOOK_AGAIN_MS 10

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	char attributes[128];
};

static struct rtattr *add_attribute(struct link_request *request, unsigned short type,
				    const void *data, size_t length)
{
	struct rtattr *attribute =
		(struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	if (length > 0)
		memcpy(RTA_DATA(attribute), data, length);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
	return attribute;
}

/* All that was added since it was begun is a part of it. */
static void end_nest(struct link_request *request, struct rtattr *nest)
{
	const char *end = (char *)request + request->header.nlmsg_len;

	nest->rta_len = (unsigned short)(end - (char *)nest);
}

/* 0, or -errno by the kernel's answer. */
static int ask_kernel(int fd, struct link_request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	ssize_t got;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	do {
		got = recv(fd, &answer, sizeof(answer), 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if ((size_t)got < NLMSG_LENGTH(sizeof(answer.error)) ||
	    answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

/*
 * A device with an address of its own behind the VM's, made right in our network: @fd is of the
 * VM's. It is private: what instances of one VM send each other is dropped.
 */
static int add_device(int fd, uint32_t vm_device)
{
	const uint16_t mode = IPVLAN_MODE_L2, flags = IPVLAN_F_PRIVATE;
	const uint32_t pid = (uint32_t)getpid();
	struct link_request request = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
		},
		.link = { .ifi_family = AF_UNSPEC },
	};
	struct rtattr *info, *data;

	add_attribute(&request, IFLA_IFNAME, OWN_DEVICE, sizeof(OWN_DEVICE));
	add_attribute(&request, IFLA_LINK, &vm_device, sizeof(vm_device));
	add_attribute(&request, IFLA_NET_NS_PID, &pid, sizeof(pid));
	info = add_attribute(&request, IFLA_LINKINFO, NULL, 0);
	add_attribute(&request, IFLA_INFO_KIND, "ipvlan", sizeof("ipvlan"));
	data = add_attribute(&request, IFLA_INFO_DATA, NULL, 0);
	add_attribute(&request, IFLA_IPVLAN_MODE, &mode, sizeof(mode));
	add_attribute(&request, IFLA_IPVLAN_FLAGS, &flags, sizeof(flags));
	end_nest(&request, data);
	end_nest(&request, info);
	return ask_kernel(fd, &request);
}

static int set_up(int fd, const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };

	strcpy(request.ifr_name, device);
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

static struct sockaddr inet_address(struct in_addr address)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_addr = address };
	struct sockaddr any;

	memcpy(&any, &inet, sizeof(any));
	return any;
}

/* `ADDRESS/LENGTH` */
static bool read_address(const char *text, struct in_addr *address, struct in_addr *mask)
{
	const char *slash = strchr(text, '/');
	char digits[INET_ADDRSTRLEN];
	unsigned long length;
	char *rest;

	if (!slash || (size_t)(slash - text) >= sizeof(digits))
		return false;
	memcpy(digits, text, (size_t)(slash - text));
	digits[slash - text] = 0;
	length = strtoul(slash + 1, &rest, 10);
	if (rest == slash + 1 || *rest || length < 1 || length > 32)
		return false;
	mask->s_addr = htonl(~0U << (32 - length));
	return inet_pton(AF_INET, digits, address) == 1;
}

const char *network_refusal(const struct options *options)
{
	struct in_addr address, mask, gateway;

	if (!options->address)
		return NULL;
	if (!read_address(options->address, &address, &mask))
		return "the address is not like 10.0.0.2/16";
	if (!options->gateway || inet_pton(AF_INET, options->gateway, &gateway) != 1)
		return "an address without a gateway";
	return NULL;
}

static int set_address(int fd, struct in_addr address)
{
	const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };
	const double end_ms = boottime_ms() + BUSY_MS;
	struct ifreq request = { .ifr_name = OWN_DEVICE, .ifr_addr = inet_address(address) };

	while (ioctl(fd, SIOCSIFADDR, &request) < 0) {
		if (errno != EADDRINUSE || boottime_ms() > end_ms)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static const char *set_addresses(int fd, const struct options *options)
{
	struct ifreq netmask = { .ifr_name = OWN_DEVICE };
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = OWN_DEVICE };
	struct in_addr address, mask, gateway, any = { 0 };

	if (!read_address(options->address, &address, &mask) ||
	    inet_pton(AF_INET, options->gateway, &gateway) != 1) {
		errno = EINVAL;
		return "network: address";
	}
	if (set_address(fd, address) < 0)
		return "network: address";
	netmask.ifr_netmask = inet_address(mask);
	if (ioctl(fd, SIOCSIFNETMASK, &netmask) < 0)
		return "network: mask";
	if (set_up(fd, OWN_DEVICE) < 0)
		return "network: device of the instance up";
	route.rt_dst = inet_address(any);
	route.rt_genmask = inet_address(any);
	route.rt_gateway = inet_address(gateway);
	return ioctl(fd, SIOCADDRT, &route) < 0 ? "network: gateway" : NULL;
}

/* Of the VM's network, which is left in between. */
struct vm_network {
	int fd;
	uint32_t device;
};

static const char *open_vm_network(struct vm_network *vm)
{
	int fd;

	vm->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (vm->fd < 0 || fd < 0)
		return "network: socket";
	vm->device = if_nametoindex(VM_DEVICE);
	if (!vm->device)
		return "network: the VM has no network device";
	/* Without an address, it answers nobody itself. */
	if (set_up(fd, VM_DEVICE) < 0)
		return "network: device of the VM up";
	close(fd);
	return NULL;
}

const char *network_enter(const struct options *options)
{
	struct vm_network vm = { .fd = -1 };
	const char *failed = options->address ? open_vm_network(&vm) : NULL;
	int fd, error;

	if (failed)
		return failed;
	if (unshare(CLONE_NEWNET) < 0)
		return "network of its own";
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_up(fd, "lo") < 0)
		return "network: loopback";
	if (options->address) {
		error = add_device(vm.fd, vm.device);
		errno = -error;
		failed = error ? "network: device of the instance" : set_addresses(fd, options);
		if (failed)
			return failed;
		close(vm.fd);
	}
	close(fd);
	return NULL;
}
