// SPDX-License-Identifier: Apache-2.0
/* Which files of /proc, readable everywhere else, are hidden from us. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "probe/check.h"

/* World-readable in the kernel; guests read them. One that the kernel lacks is not hidden. */
static const char *const files[] = {
	"stat",
	"version",
	"uptime",
	"loadavg",
	"vmstat",
	"meminfo",
	"cpuinfo",
	"filesystems",
	"cmdline",
	"partitions",
	"diskstats",
	"devices",
	"zoneinfo",
	"swaps",
	"interrupts",
	"net/tcp",
	"net/dev",
	"net/route",
	"net/unix",
	"self/mountinfo",
	"self/maps",
	"sys/kernel/osrelease",
	"tty/drivers",
	"sys/kernel/random/uuid",
	"sys/kernel/pid_max",
	"sys/vm/overcommit_memory",
};

static bool is_hidden(int proc, const char *name)
{
	_cleanup_close_ int fd = openat(proc, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char byte;

	if (fd < 0)
		return errno == EACCES || errno == EPERM;
	return read(fd, &byte, 1) < 0 && (errno == EACCES || errno == EPERM);
}

static void check_hidden(struct probe_context *context, const struct probe_check *check)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[FACT_TEXT_SIZE] = "";
	struct stat status;
	int hidden = 0;

	(void)check;
	if (proc < 0 || fstatat(proc, "self", &status, AT_SYMLINK_NOFOLLOW) < 0) {
		probe_fails(context, FACT_ID_HIDDEN_PROC, ENOENT, "/proc is not mounted");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		size_t used = strlen(text);

		if (!is_hidden(proc, files[i]))
			continue;
		hidden++;
		snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "", files[i]);
	}
	/* hidepid: the processes of others aren't there at all */
	if (fstatat(proc, "1", &status, 0) < 0) {
		size_t used = strlen(text);

		hidden++;
		snprintf(text + used, sizeof(text) - used, "%s1", used ? " " : "");
	}
	if (!hidden) {
		probe_works(context, FACT_ID_HIDDEN_PROC, 0, "%s", "");
		return;
	}
	probe_fails(context, FACT_ID_HIDDEN_PROC, EACCES, "%s", text);
	context->facts->fact[FACT_ID_HIDDEN_PROC].value = hidden;
}

const struct probe_check probe_proc_checks[] = {
	{check_hidden, PROBE_FACTS(FACT_ID_HIDDEN_PROC), 0, NULL},
	{0},
};
