// SPDX-License-Identifier: Apache-2.0
/* Brings the loopback interface up: a new network namespace has it, and has it down. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/base/cleanup.h"
#include "netstack/net.h"

int net_loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	/* Interface ioctls work on any socket: AF_UNIX serves a kernel or policy without AF_INET. */
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -errno;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}
