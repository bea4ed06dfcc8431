// SPDX-License-Identifier: Apache-2.0
/* Attacks on the tracer by way of its calls; each prints what came of it.
 *
 *	hostile fchmod FILE MODE
 *	hostile forge                    sends itself the SIGSYS of a filter that isn't there
 *	hostile trap32                   a filter of its own answers int 0x80 with SIGSYS
 *	hostile reach CALL PATH SECONDS  CALL is connect, sendto, sendmsg, sendmmsg: to the socket PATH, while a
 *	                                 thread changes the address between a path and none
 *	hostile listen PATH              (on the host) a stream socket PATH, and a datagram socket PATH.d
 *	hostile many COUNT               that many processes at once, which open a file twice each
 *	hostile swap FILE PATH SECONDS   opens PATH, a file that the tracer writes, while a thread puts an O_PATH
 *	                                 fd of FILE where the new fd is
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int over;

static void give_up(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* swap */

static int put_there, place;

static void *swap(void *unused)
{
	(void)unused;
	while (!over)
		dup2(put_there, place);
	return NULL;
}

static void swap_fds(const char *file, const char *path, int seconds)
{
	time_t end = time(NULL) + seconds;
	struct stat status;
	pthread_t thread;

	put_there = fcntl(open(file, O_PATH), F_DUPFD, 100);
	place = open("/", O_PATH);
	if (put_there < 0 || place < 0)
		give_up(file);
	pthread_create(&thread, NULL, swap, NULL);
	while (time(NULL) < end) {
		close(place);
		open(path, O_RDONLY);
		if (stat(file, &status) < 0 || status.st_size > 0)
			break;
	}
	over = 1;
	pthread_join(thread, NULL);
	puts(time(NULL) < end ? "changed" : "unchanged");
}

/* SIGSYS */

static volatile int delivered;

static void on_sigsys(int signal)
{
	(void)signal;
	delivered++;
}

static void forge(void)
{
	static const unsigned machines[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0 };
	siginfo_t info = { .si_signo = SIGSYS, .si_code = 1 /* SYS_SECCOMP */ };
	int sent = 0;

	signal(SIGSYS, on_sigsys);
	for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		for (int number = -1; number < 600; number += 40) {
			info.si_arch = machines[i];
			info.si_syscall = number;
			info.si_call_addr = (void *)(uintptr_t)(number * 0x1000);
			sent += syscall(SYS_rt_sigqueueinfo, getpid(), SIGSYS, &info) == 0;
			sent += syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGSYS, &info) == 0;
		}
	sent += kill(getpid(), SIGSYS) == 0;
	sent += syscall(SYS_tkill, gettid(), SIGSYS) == 0;
	puts(delivered == sent && sent == 2 * 5 * 16 + 2 ? "all delivered" : "some are lost");
}

static void trap_narrow_calls(void)
{
#ifdef __x86_64__
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 4, program };
	long result;

	signal(SIGSYS, on_sigsys);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		give_up("filter");
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
#else
	delivered = 1;
#endif
	puts(delivered == 1 ? "trapped" : "not trapped");
}

/* many */

static void make_many(int count)
{
	int begun[2], end[2], status, bad = 0;
	char byte = 0;

	if (pipe(begun) < 0 || pipe(end) < 0)
		give_up("pipe");
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			give_up("fork");
		if (child == 0) {
			close(end[1]);
			bad = open("/etc/passwd", O_RDONLY) < 0;
			write(begun[1], &byte, 1);
			read(end[0], &byte, 1);
			_exit(bad || open("/etc/group", O_RDONLY) < 0);
		}
		read(begun[0], &byte, 1);
	}
	close(end[1]);
	while (wait(&status) > 0)
		bad += status != 0;
	printf("%d failed\n", bad);
}

/* reach */

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct mmsghdr messages[2];

static void *change(void *by_family)
{
	volatile sa_family_t *family = &address.sun_family;
	void *volatile *name = (void *volatile *)&messages[0].msg_hdr.msg_name;

	while (!over) {
		if (by_family) {
			*family = AF_INET;
			*family = AF_UNIX;
		} else {
			*name = NULL;
			*name = &address;
		}
	}
	return NULL;
}

static int reaches(const char *call, int fd)
{
	const struct sockaddr *to = (const struct sockaddr *)&address;

	if (!strcmp(call, "connect"))
		return connect(fd, to, sizeof(address)) == 0;
	if (!strcmp(call, "sendto"))
		return sendto(fd, "x", 1, MSG_DONTWAIT, to, sizeof(address)) == 1;
	if (!strcmp(call, "sendmsg"))
		return sendmsg(fd, &messages[0].msg_hdr, MSG_DONTWAIT) == 1;
	return sendmmsg(fd, messages, 2, MSG_DONTWAIT) > 0;
}

static void reach(const char *call, const char *path, int seconds)
{
	bool streams = !strcmp(call, "connect"), messages_too = !strncmp(call, "sendm", 5);
	struct iovec vector = { (void *)"x", 1 };
	int fd = socket(AF_UNIX, streams ? SOCK_STREAM : SOCK_DGRAM, 0), reached = 0;
	time_t end = time(NULL) + seconds;
	pthread_t thread;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", path, streams ? "" : ".d");
	for (unsigned i = 0; i < 2; i++)
		messages[i].msg_hdr = (struct msghdr){
			.msg_namelen = sizeof(address),
			.msg_iov = &vector,
			.msg_iovlen = 1,
		};
	pthread_create(&thread, NULL, change, messages_too ? NULL : &address);
	while (time(NULL) < end && !reached)
		reached = reaches(call, fd);
	over = 1;
	pthread_join(thread, NULL);
	printf("%s %s\n", call, reached ? "reached it" : "did not");
}

static void serve(const char *path)
{
	int fds[2] = { socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_DGRAM, 0) };

	for (unsigned i = 0; i < 2; i++) {
		snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", path, i ? ".d" : "");
		if (bind(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0)
			give_up(address.sun_path);
	}
	listen(fds[0], 100);
	while (recv(fds[1], address.sun_path, sizeof(address.sun_path), 0) >= 0)
		;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "swap"))
		swap_fds(argv[2], argv[3], atoi(argv[4]));
	else if (argc == 5 && !strcmp(argv[1], "reach"))
		reach(argv[2], argv[3], atoi(argv[4]));
	else if (argc == 3 && !strcmp(argv[1], "listen"))
		serve(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "many"))
		make_many(atoi(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "forge"))
		forge();
	else if (argc == 2 && !strcmp(argv[1], "trap32"))
		trap_narrow_calls();
	else if (argc == 4 && !strcmp(argv[1], "fchmod"))
		return fchmod(open(argv[2], O_RDONLY), (mode_t)strtoul(argv[3], NULL, 8)) < 0;
	else
		return 2;
	return 0;
}
