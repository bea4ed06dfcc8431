// SPDX-License-Identifier: Apache-2.0
/* What a figure depends on and a table must say: kernel, CPU, load, file system. */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

static void read_cpu(char *cpu, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];

	snprintf(cpu, size, "unknown CPU");
	while (file && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		/* x86 says "model name"; arm64 kernels say "Hardware", if anything. */
		if (colon && colon[1] &&
		    (strncmp(line, "model name", 10) == 0 || strncmp(line, "Hardware", 8) == 0)) {
			snprintf(cpu, size, "%s", colon + 2);
			cpu[strcspn(cpu, "\n")] = '\0';
			break;
		}
	}
	if (file)
		fclose(file);
}

static void read_file_system(const char *path, char *type, size_t size)
{
	static const struct {
		unsigned int magic;
		const char *name;
	} names[] = {
		{ 0xef53, "ext4" },	{ 0x58465342, "xfs" },	   { 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs" }, { 0xf2f52010, "f2fs" },    { 0x794c7630, "overlay" },
		{ 0x6969, "nfs" },	{ 0x65735546, "fuse" },	   { 0x2fc12fc1, "zfs" },
	};
	struct statfs status;

	snprintf(type, size, "unknown");
	if (statfs(path, &status) < 0)
		return;
	snprintf(type, size, "0x%x", (unsigned int)status.f_type);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].magic == (unsigned int)status.f_type)
			snprintf(type, size, "%s", names[i].name);
}

void environment_read_load(double ret_load[3])
{
	/* Android hides /proc/loadavg: -1 says that the load is not known. */
	if (getloadavg(ret_load, 3) != 3)
		ret_load[0] = ret_load[1] = ret_load[2] = -1;
}

void environment_read(struct environment *environment, const char *rootfs)
{
	struct utsname name;
	time_t now = time(NULL);

	if (uname(&name) == 0) {
		snprintf(environment->kernel, sizeof(environment->kernel), "%s %s", name.sysname,
			 name.release);
		snprintf(environment->machine, sizeof(environment->machine), "%s", name.machine);
	}
	strftime(environment->date, sizeof(environment->date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	read_cpu(environment->cpu, sizeof(environment->cpu));
	read_file_system(rootfs, environment->rootfs_type, sizeof(environment->rootfs_type));
	environment->cpu_count = sysconf(_SC_NPROCESSORS_ONLN);
	environment->uid = geteuid();
	environment_read_load(environment->load_before);
}
