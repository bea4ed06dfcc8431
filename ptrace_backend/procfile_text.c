// SPDX-License-Identifier: Apache-2.0
/* The made files of /proc and their contents, from what any process may ask: sysinfo(2), clocks, the
 * guest's own processes.
 *
 * Theory of operation
 *
 * Where /proc/stat is hidden nobody tells how busy the machine is. What is known is the time that
 * the container's own processes have used: that is shown as busy, spread evenly over the CPUs, and the
 * rest of the time since boot as idle. Every number only grows, as readers that subtract rely on.
 *
 * The sum of a process's own times and of its waited-for children's moves to its parent when it is
 * waited for, and in the end to us; so nothing is lost but what a zombie holds for a moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "ptrace_backend/handlers.h"
#include "ptrace_backend/procfile.h"
#include "ptrace_backend/tracer.h"

#define CPUS_MAX (64 * CPU_MASK_WORDS)
#define PROCESSES_MAX 4096 /* looked at for one content */

struct usage {
	uint64_t user, system; /* ticks */
	unsigned processes, running, blocked;
	pid_t last;
};

static uint64_t ticks_of(const struct timeval *time)
{
	uint64_t hertz = (uint64_t)sysconf(_SC_CLK_TCK);

	return (uint64_t)time->tv_sec * hertz + (uint64_t)time->tv_usec * hertz / 1000000;
}

static void add_process(struct usage *usage, pid_t pid)
{
	char path[32], text[1024], state;
	unsigned long long user, system, children_user, children_system;
	const char *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	after = strrchr(text, ')'); /* the name may hold anything */
	if (!after || sscanf(after,
			     ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
			     &state, &user, &system, &children_user, &children_system) != 5)
		return;
	usage->user += user + children_user;
	usage->system += system + children_system;
	usage->running += state == 'R';
	usage->blocked += state == 'D';
}

static void measure(struct tracer *tracer, struct usage *usage)
{
	static uint64_t most_user, most_system;
	struct rusage own, children;
	unsigned looked = 0;

	memset(usage, 0, sizeof(*usage));
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	usage->user = ticks_of(&own.ru_utime) + ticks_of(&children.ru_utime);
	usage->system = ticks_of(&own.ru_stime) + ticks_of(&children.ru_stime);
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (struct tracee *at = tracer->hash[i]; at; at = at->hash_next) {
			if (at->tid > usage->last)
				usage->last = at->tid;
			usage->processes++;
			if (at->tid == at->tgid && looked++ < PROCESSES_MAX)
				add_process(usage, at->tid);
		}
	if (usage->user < most_user)
		usage->user = most_user;
	if (usage->system < most_system)
		usage->system = most_system;
	most_user = usage->user;
	most_system = usage->system;
	if (!usage->running)
		usage->running = 1; /* the reader */
}

/* The numbers of the machine's CPUs that are online. */
static unsigned online_cpus(const struct tracer *tracer, uint16_t numbers[CPUS_MAX])
{
	char text[1024];
	unsigned count = 0;

	if (file_read_line("/sys/devices/system/cpu/online", text, sizeof(text)) > 0) {
		for (char *at = text; *at && count < CPUS_MAX;) {
			unsigned long first = strtoul(at, &at, 10), last = first;

			if (*at == '-')
				last = strtoul(at + 1, &at, 10);
			for (; first <= last && first < CPUS_MAX && count < CPUS_MAX; first++)
				numbers[count++] = (uint16_t)first;
			if (*at != ',')
				break;
			at++;
		}
	}
	for (unsigned i = 0; !count && i < CPUS_MAX; i++)
		if (tracer->affinity[i / 64] >> (i % 64) & 1)
			numbers[count++] = (uint16_t)i;
	if (!count)
		numbers[count++] = 0;
	return count;
}

static double up_seconds(void)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return (double)up.tv_sec + (double)up.tv_nsec / 1e9;
}

struct cpu_times {
	uint64_t user, system, idle;
};

/* What one of `count` CPUs shows. */
static void cpu_times(const struct usage *usage, unsigned count, unsigned index,
		      struct cpu_times *ret_times)
{
	static uint64_t most_idle;
	uint64_t total = (uint64_t)(up_seconds() * (double)sysconf(_SC_CLK_TCK));
	uint64_t busy;

	ret_times->user = usage->user / count + (index < usage->user % count);
	ret_times->system = usage->system / count + (index < usage->system % count);
	busy = usage->user / count + usage->system / count;
	ret_times->idle = total > busy ? total - busy : 0;
	if (ret_times->idle < most_idle)
		ret_times->idle = most_idle;
	most_idle = ret_times->idle;
}

static void make_stat(struct tracer *tracer, FILE *out)
{
	static uint64_t calls;
	uint16_t numbers[CPUS_MAX];
	unsigned count = online_cpus(tracer, numbers);
	struct cpu_times times, sum = { 0 };
	struct timespec now;
	struct usage usage;

	measure(tracer, &usage);
	for (unsigned i = 0; i < count; i++) {
		cpu_times(&usage, count, i, &times);
		sum.user += times.user;
		sum.system += times.system;
		sum.idle += times.idle;
	}
	fprintf(out, "cpu  %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", sum.user,
		sum.system, sum.idle);
	for (unsigned i = 0; i < count; i++) {
		cpu_times(&usage, count, i, &times);
		fprintf(out, "cpu%u %" PRIu64 " 0 %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", numbers[i],
			times.user, times.system, times.idle);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	calls = tracer->stops > calls ? tracer->stops : calls;
	fprintf(out,
		"intr 0\nctxt %" PRIu64 "\nbtime %lld\nprocesses %d\nprocs_running %u\n"
		"procs_blocked %u\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
		calls, (long long)now.tv_sec - (long long)up_seconds(), (int)usage.last,
		usage.running, usage.blocked);
}

static void make_uptime(struct tracer *tracer, FILE *out)
{
	uint16_t numbers[CPUS_MAX];
	unsigned count = online_cpus(tracer, numbers);
	struct cpu_times times;
	struct usage usage;
	double idle = 0;

	measure(tracer, &usage);
	for (unsigned i = 0; i < count; i++) {
		cpu_times(&usage, count, i, &times);
		idle += (double)times.idle / (double)sysconf(_SC_CLK_TCK);
	}
	fprintf(out, "%.2f %.2f\n", up_seconds(), idle);
}

static void make_loadavg(struct tracer *tracer, FILE *out)
{
	struct sysinfo info = { 0 };
	struct usage usage;
	double scale = 1 << SI_LOAD_SHIFT;

	measure(tracer, &usage);
	sysinfo(&info);
	fprintf(out, "%.2f %.2f %.2f %u/%u %d\n", (double)info.loads[0] / scale,
		(double)info.loads[1] / scale, (double)info.loads[2] / scale, usage.running,
		usage.processes, (int)usage.last);
}

static uint64_t kilobytes(const struct sysinfo *info, unsigned long units)
{
	return (uint64_t)units * info->mem_unit / 1024;
}

static void make_meminfo(struct tracer *tracer, FILE *out)
{
	static const char *const unknown[] = { "Dirty",	     "Writeback",    "AnonPages", "Mapped" };
	static const char *const after[] = { "KReclaimable", "Slab",	     "SReclaimable",
					     "SUnreclaim",   "KernelStack",  "PageTables",
					     "CommitLimit",  "Committed_AS", "VmallocUsed" };
	struct sysinfo info = { 0 };
	uint64_t used;

	(void)tracer;
	sysinfo(&info);
	used = kilobytes(&info, info.totalram - info.freeram);
	fprintf(out,
		"MemTotal:       %8" PRIu64 " kB\nMemFree:        %8" PRIu64
		" kB\nMemAvailable:   %8" PRIu64 " kB\nBuffers:        %8" PRIu64
		" kB\nCached:         %8d kB\nSwapCached:     %8d kB\nActive:         %8" PRIu64
		" kB\nInactive:       %8d kB\nSwapTotal:      %8" PRIu64
		" kB\nSwapFree:       %8" PRIu64 " kB\n",
		kilobytes(&info, info.totalram), kilobytes(&info, info.freeram),
		kilobytes(&info, info.freeram + info.bufferram), kilobytes(&info, info.bufferram), 0,
		0, used, 0, kilobytes(&info, info.totalswap), kilobytes(&info, info.freeswap));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		fprintf(out, "%s:%*s%8d kB\n", unknown[i], (int)(15 - strlen(unknown[i])), "", 0);
	fprintf(out, "Shmem:          %8" PRIu64 " kB\n", kilobytes(&info, info.sharedram));
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++)
		fprintf(out, "%s:%*s%8d kB\n", after[i], (int)(15 - strlen(after[i])), "", 0);
}

static void make_vmstat(struct tracer *tracer, FILE *out)
{
	struct sysinfo info = { 0 };
	struct rusage own, children;

	(void)tracer;
	sysinfo(&info);
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	fprintf(out, "nr_free_pages %" PRIu64 "\n",
		kilobytes(&info, info.freeram) * 1024 / (uint64_t)sysconf(_SC_PAGESIZE));
	fputs("nr_inactive_anon 0\nnr_active_anon 0\nnr_inactive_file 0\nnr_active_file 0\n"
	      "nr_unevictable 0\nnr_mlock 0\nnr_anon_pages 0\nnr_mapped 0\nnr_file_pages 0\n"
	      "nr_dirty 0\nnr_writeback 0\nnr_slab_reclaimable 0\nnr_slab_unreclaimable 0\n"
	      "nr_page_table_pages 0\nnr_kernel_stack 0\nnr_shmem 0\npgpgin 0\npgpgout 0\n"
	      "pswpin 0\npswpout 0\npgalloc_normal 0\npgfree 0\npgactivate 0\npgdeactivate 0\n",
	      out);
	fprintf(out, "pgfault %ld\npgmajfault %ld\n", own.ru_minflt + children.ru_minflt,
		own.ru_majflt + children.ru_majflt);
}

static void make_cpuinfo(struct tracer *tracer, FILE *out)
{
	uint16_t numbers[CPUS_MAX];
	unsigned count = online_cpus(tracer, numbers);
	struct utsname name;

	guest_names(tracer, procfile_names(tracer), &name);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "processor\t: %u\nmodel name\t: %s\nBogoMIPS\t: 100.00\n\n", numbers[i],
			name.machine);
}

/* The host's own line where it can be read and no name of the kernel was asked for. */
static void make_version(struct tracer *tracer, FILE *out)
{
	const struct uname_request *asked = &tracer->plan->spec->uname;
	char text[512];
	struct utsname name;

	if (!asked->sysname && !asked->release && !asked->version &&
	    file_read_at(AT_FDCWD, "/proc/version", text, sizeof(text)) > 0) {
		fputs(text, out);
		return;
	}
	guest_names(tracer, procfile_names(tracer), &name);
	fprintf(out, "%s version %s (amphora@container) (cc) %s\n", name.sysname, name.release,
		name.version);
}

#define MAKE_NAME_AS(function, field)                                                               \
	static void make_##function(struct tracer *tracer, FILE *out)                              \
	{                                                                                          \
		struct utsname name;                                                               \
                                                                                                   \
		guest_names(tracer, procfile_names(tracer), &name);                                \
		fprintf(out, "%s\n", name.field);                                                  \
	}
MAKE_NAME_AS(nodename, nodename)
MAKE_NAME_AS(domainname, domainname)
MAKE_NAME_AS(release, release)
MAKE_NAME_AS(sysname, sysname)
MAKE_NAME_AS(version_name, version)

static void put_uuid(FILE *out, const unsigned char bytes[16])
{
	for (unsigned i = 0; i < 16; i++)
		fprintf(out, "%02x%s", i == 6 ? (bytes[i] & 0x0f) | 0x40 :
				       i == 8 ? (bytes[i] & 0x3f) | 0x80 :
						bytes[i],
			i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
	fputc('\n', out);
}

static void make_uuid(struct tracer *tracer, FILE *out)
{
	unsigned char bytes[16] = { 0 };

	(void)tracer;
	if (getentropy(bytes, sizeof(bytes)) == 0)
		put_uuid(out, bytes);
}

static void make_boot_id(struct tracer *tracer, FILE *out)
{
	static unsigned char bytes[16];
	static bool known;

	(void)tracer;
	if (!known && getentropy(bytes, sizeof(bytes)) == 0)
		known = true;
	put_uuid(out, bytes);
}

static void make_swaps(struct tracer *tracer, FILE *out)
{
	struct sysinfo info = { 0 };

	(void)tracer;
	sysinfo(&info);
	fputs("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", out);
	if (info.totalswap)
		fprintf(out, "/dev/block/swap                         partition\t%" PRIu64
			     "\t\t%" PRIu64 "\t\t-2\n",
			kilobytes(&info, info.totalswap),
			kilobytes(&info, info.totalswap - info.freeswap));
}

#define MADE(name, make) { name, make, NULL, false, false }
#define IPC_MADE(name, make) { name, make, NULL, false, true }
#define IPC_FIXED(name, text) { name, NULL, text, false, true }
#define NAMED(name, make) { name, make, NULL, true, false }
#define FIXED(name, text) { name, NULL, text, false, false }
#define SOCKETS                                                                                    \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode\n"
#define SOCKETS6                                                                                   \
	"  sl  local_address                         remote_address                        st "    \
	"tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

/* Numbers are the kernel's defaults (kernel/sysctl.c, fs, net). */
const struct procfile_row procfile_rows[] = {
	NAMED("version", make_version),
	NAMED("sys/kernel/hostname", make_nodename),
	NAMED("sys/kernel/domainname", make_domainname),
	NAMED("sys/kernel/osrelease", make_release),
	NAMED("sys/kernel/ostype", make_sysname),
	NAMED("sys/kernel/version", make_version_name),
	MADE("stat", make_stat),
	MADE("uptime", make_uptime),
	MADE("loadavg", make_loadavg),
	MADE("meminfo", make_meminfo),
	MADE("vmstat", make_vmstat),
	MADE("cpuinfo", make_cpuinfo),
	MADE("swaps", make_swaps),
	FIXED("filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n"
			     "nodev\tcgroup2\nnodev\tdevpts\nnodev\toverlay\n\text4\n\tf2fs\n\tvfat\n"),
	FIXED("cmdline", "\n"),
	FIXED("partitions", "major minor  #blocks  name\n\n"),
	FIXED("diskstats", ""),
	FIXED("modules", ""),
	FIXED("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n136 pts\n\n"
			 "Block devices:\n"),
	FIXED("misc", ""),
	FIXED("crypto", ""),
	FIXED("zoneinfo", ""),
	FIXED("buddyinfo", ""),
	FIXED("softirqs", ""),
	FIXED("locks", ""),
	FIXED("tty/drivers", "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
			     "/dev/ptmx            /dev/ptmx       5       2 system\n"
			     "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"),
	FIXED("sys/kernel/cap_last_cap", "40\n"),
	FIXED("sys/kernel/overflowuid", "65534\n"),
	FIXED("sys/kernel/overflowgid", "65534\n"),
	FIXED("sys/kernel/pid_max", "32768\n"),
	FIXED("sys/kernel/threads-max", "32768\n"),
	FIXED("sys/kernel/ngroups_max", "65536\n"),
	FIXED("sys/kernel/tainted", "0\n"),
	FIXED("sys/kernel/randomize_va_space", "2\n"),
	FIXED("sys/kernel/kptr_restrict", "2\n"),
	FIXED("sys/kernel/perf_event_paranoid", "3\n"),
	FIXED("sys/kernel/seccomp/actions_avail",
	      "kill_process kill_thread trap errno trace log allow\n"),
	FIXED("sys/kernel/core_pattern", "core\n"),
	IPC_MADE("sysvipc/shm", procfile_sysvipc_shm),
	IPC_MADE("sysvipc/sem", procfile_sysvipc_sem),
	IPC_MADE("sysvipc/msg", procfile_sysvipc_msg),
	IPC_FIXED("sys/kernel/shmmax", "18446744073692774399\n"),
	IPC_FIXED("sys/kernel/shmall", "18446744073692774399\n"),
	IPC_FIXED("sys/kernel/shmmni", "4096\n"),
	IPC_FIXED("sys/kernel/sem", "32000\t1024000\t500\t32000\n"),
	IPC_FIXED("sys/kernel/msgmax", "8192\n"),
	IPC_FIXED("sys/kernel/msgmnb", "16384\n"),
	IPC_FIXED("sys/kernel/msgmni", "32000\n"),
	FIXED("sys/kernel/random/entropy_avail", "256\n"),
	FIXED("sys/kernel/random/poolsize", "256\n"),
	MADE("sys/kernel/random/uuid", make_uuid),
	MADE("sys/kernel/random/boot_id", make_boot_id),
	FIXED("sys/fs/inotify/max_user_watches", "8192\n"),
	FIXED("sys/fs/inotify/max_user_instances", "128\n"),
	FIXED("sys/fs/inotify/max_queued_events", "16384\n"),
	FIXED("sys/fs/file-max", "9223372036854775807\n"),
	FIXED("sys/fs/file-nr", "1024\t0\t9223372036854775807\n"),
	FIXED("sys/fs/nr_open", "1048576\n"),
	FIXED("sys/fs/pipe-max-size", "1048576\n"),
	FIXED("sys/fs/mqueue/msg_max", "10\n"),
	FIXED("sys/fs/mqueue/msgsize_max", "8192\n"),
	FIXED("sys/fs/suid_dumpable", "0\n"),
	FIXED("sys/vm/overcommit_memory", "1\n"), /* as Android's init sets it */
	FIXED("sys/vm/overcommit_ratio", "50\n"),
	FIXED("sys/vm/max_map_count", "65530\n"),
	FIXED("sys/vm/mmap_min_addr", "32768\n"),
	FIXED("sys/vm/swappiness", "60\n"),
	FIXED("sys/vm/nr_hugepages", "0\n"),
	FIXED("sys/net/core/somaxconn", "4096\n"),
	FIXED("sys/net/core/rmem_max", "212992\n"),
	FIXED("sys/net/core/wmem_max", "212992\n"),
	FIXED("sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
	FIXED("sys/net/ipv4/ip_unprivileged_port_start", "1024\n"),
	FIXED("sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"),
	FIXED("sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n"),
	FIXED("sys/net/ipv4/tcp_syncookies", "1\n"),
	FIXED("sys/net/ipv4/tcp_keepalive_time", "7200\n"),
	FIXED("sys/net/ipv4/tcp_fin_timeout", "60\n"),
	FIXED("sys/net/ipv4/ping_group_range", "0\t2147483647\n"),
	FIXED("sys/net/ipv6/conf/all/disable_ipv6", "0\n"),
	MADE("net/dev", procfile_net_dev),
	MADE("net/route", procfile_net_route),
	MADE("net/if_inet6", procfile_net_if_inet6),
	FIXED("net/tcp", SOCKETS),
	FIXED("net/udp", SOCKETS),
	FIXED("net/raw", SOCKETS),
	FIXED("net/icmp", SOCKETS),
	FIXED("net/udplite", SOCKETS),
	FIXED("net/tcp6", SOCKETS6),
	FIXED("net/udp6", SOCKETS6),
	FIXED("net/raw6", SOCKETS6),
	FIXED("net/udplite6", SOCKETS6),
	FIXED("net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"),
	FIXED("net/arp", "IP address       HW type     Flags       HW address            Mask     Device\n"),
	FIXED("net/ipv6_route", ""),
	FIXED("net/packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"),
	FIXED("net/netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
			     "Drops    Inode\n"),
	FIXED("net/sockstat", "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n"
			      "UDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\n"
			      "FRAG: inuse 0 memory 0\n"),
	FIXED("net/wireless", "Inter-| sta-|   Quality        |   Discarded packets               | "
			      "Missed | WE\n face | tus | link level noise |  nwid  crypt   frag  "
			      "retry   misc | beacon | 22\n"),
};

const unsigned procfile_row_count = sizeof(procfile_rows) / sizeof(procfile_rows[0]);
