// SPDX-License-Identifier: Apache-2.0
/* wait4(2) and waitid(2) by sites that have been used often enough to be patched:
 *
 *	waits results		all results of both, also with bad pointers
 *	waits signals		a wait that a signal interrupts, with and without SA_RESTART, and one that its handler leaves
 *	waits traceme		a child asks to be traced while its parent waits for it
 *	waits attach		a thread attaches to a child that another one waits for
 *	waits storm SECONDS	threads wait for children of their own, among signals
 *
 * Prints what is found odd, and then "waits ok".
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool failed;
static volatile unsigned long handled;
static sigjmp_buf out;
static volatile sig_atomic_t may_jump;

static void odd(const char *what, long value)
{
	fprintf(stdout, "%s: %ld, %s\n", what, value, strerrorname_np(errno));
	failed = true;
}

static void expect(const char *what, long result, long expected, int error)
{
	if (result != expected || (expected == -1 && errno != error))
		odd(what, result);
}

/* A child that ends with this code after a while. */
static pid_t child_of(int code, int milliseconds)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep((useconds_t)milliseconds * 1000);
		_exit(code);
	}
	return pid;
}

/* What later waits come by: one place each. */
static __attribute__((noinline)) pid_t wait_for(pid_t pid, int *status, int options)
{
	return waitpid(pid, status, options);
}

static __attribute__((noinline)) int wait_id(idtype_t type, id_t id, siginfo_t *info, int options)
{
	return waitid(type, id, info, options);
}

static void results(void)
{
	for (int i = 0; i < 6; i++) {
		siginfo_t info = { 0 };
		int status = 0;
		pid_t pid = child_of(i, i % 2 ? 5 : 0);

		expect("a child", wait_for(i % 3 ? pid : -1, &status, 0), pid, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != i)
			odd("its status", status);
		expect("no child", wait_for(-1, &status, 0), -1, ECHILD);
		expect("options that there are none of", wait_for(-1, &status, 0x10000000), -1, EINVAL);
		pid = child_of(3, 20);
		expect("a child that is alive", wait_for(pid, &status, WNOHANG), 0, 0);
		expect("another's", wait_for(1, &status, WNOHANG), -1, ECHILD);
		expect("a bad pointer", wait_for(pid, (int *)(uintptr_t)16, 0), -1, EFAULT);
		pid = child_of(7, i % 2 ? 5 : 0);
		expect("waitid", wait_id(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0, 0);
		if (info.si_pid != pid || info.si_code != CLD_EXITED || info.si_status != 7)
			odd("its info", info.si_status);
		expect("waitid once more", wait_id(P_ALL, 0, &info, WEXITED), 0, 0);
		expect("waitid without a child", wait_id(P_ALL, 0, &info, WEXITED), -1, ECHILD);
		pid = child_of(0, 10000);
		kill(pid, SIGSTOP);
		expect("a stopped one", wait_for(pid, &status, WUNTRACED), pid, 0);
		if (!WIFSTOPPED(status))
			odd("its status", status);
		kill(pid, SIGKILL);
		kill(pid, SIGCONT);
		expect("a killed one", wait_for(pid, &status, 0), pid, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			odd("its status", status);
	}
}

/* A child that ends with this code once it is released. */
static int gate[2];
static volatile sig_atomic_t releases; /* the handler does it */

static pid_t gated_child(int code)
{
	char byte;
	pid_t pid = fork();

	if (pid == 0)
		_exit(read(gate[0], &byte, 1) == 1 ? code : 99);
	return pid;
}

static void release(void)
{
	if (write(gate[1], "", 1) != 1)
		_exit(3);
}

static void on_alarm(int number)
{
	(void)number;
	handled++;
	if (releases) {
		releases = 0;
		release();
	}
	if (may_jump) {
		may_jump = 0;
		siglongjmp(out, 1);
	}
}

static void signals(void)
{
	struct itimerval timer = { .it_value = { 0, 20000 } };
	struct sigaction action = { .sa_handler = on_alarm };

	if (pipe(gate) < 0)
		odd("pipe", 0);
	for (int i = 0; i < 6; i++) {
		pid_t pid = gated_child(4);
		int status = 0;

		action.sa_flags = 0;
		sigaction(SIGALRM, &action, NULL);
		handled = 0;
		setitimer(ITIMER_REAL, &timer, NULL);
		expect("interrupted", wait_for(pid, &status, 0), -1, EINTR);
		expect("signals", (long)handled, 1, 0);
		if (sigsetjmp(out, 1) == 0) {
			may_jump = 1;
			setitimer(ITIMER_REAL, &timer, NULL);
			odd("a wait that its handler leaves", wait_for(pid, &status, 0));
		}
		action.sa_flags = SA_RESTART;
		sigaction(SIGALRM, &action, NULL);
		releases = 1;
		setitimer(ITIMER_REAL, &timer, NULL);
		expect("made again", wait_for(pid, &status, 0), pid, 0);
		expect("signals, all", (long)handled, 3, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 4)
			odd("its status", status);
	}
}

/* Sites are patched at their second use. */
static void use_sites(void)
{
	for (int i = 0; i < 4; i++) {
		siginfo_t info;
		pid_t pid = child_of(0, 0);

		wait_id(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
		wait_for(pid, NULL, 0);
	}
}

static void traceme(void)
{
	int status = 0;
	siginfo_t info;
	pid_t pid;

	use_sites();
	pid = fork();
	if (pid == 0) {
		usleep(100000); /* the parent waits */
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGUSR1);
		usleep(100000);
		raise(SIGUSR2);
		_exit(5);
	}
	expect("the first stop", wait_for(pid, &status, 0), pid, 0);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGUSR1)
		odd("its status", status);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	expect("the second stop", wait_id(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED), 0, 0);
	if (info.si_pid != pid || info.si_code != CLD_TRAPPED || info.si_status != SIGUSR2)
		odd("its info", info.si_status);
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	expect("the end", wait_for(pid, &status, 0), pid, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 5)
		odd("its status", status);
}

static pid_t attached;
static volatile bool stop_seen;

static void *attacher(void *argument)
{
	(void)argument;
	usleep(100000); /* the other one waits */
	expect("PTRACE_ATTACH", ptrace(PTRACE_ATTACH, attached, NULL, NULL), 0, 0);
	for (int i = 0; i < 1000 && !stop_seen; i++)
		usleep(10000);
	expect("the other's kill", kill(attached, SIGKILL), 0, 0);
	return NULL;
}

static void attach(bool by_id)
{
	pthread_t thread;
	siginfo_t info;
	int status = 0;

	use_sites();
	attached = child_of(0, 10000);
	pthread_create(&thread, NULL, attacher, NULL);
	if (by_id) {
		expect("the stop", wait_id(P_ALL, 0, &info, WEXITED | WSTOPPED), 0, 0);
		if (info.si_pid != attached || info.si_code != CLD_TRAPPED || info.si_status != SIGSTOP)
			odd("its info", info.si_status);
	} else {
		expect("the stop", wait_for(-1, &status, 0), attached, 0);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
			odd("its status", status);
	}
	stop_seen = true;
	expect("the end", wait_for(attached, &status, 0), attached, 0);
	if (!WIFSIGNALED(status))
		odd("its status", status);
	pthread_join(thread, NULL);
}

static volatile bool over;

static void *waiter(void *argument)
{
	while (!over) {
		int code = rand_r(argument) % 100, status = 0;
		pid_t pid = child_of(code, code % 3);

		if (wait_for(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != code)
			odd("a child's status", status);
	}
	return NULL;
}

static void storm(int seconds)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	time_t end = time(NULL) + seconds;
	unsigned seeds[4] = { 1, 2, 3, 4 };
	pthread_t threads[4];

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, waiter, &seeds[i]);
	/* A slow machine delivers few in that time. */
	while ((time(NULL) < end || handled < 20) && !failed) {
		usleep((useconds_t)(random() % 300));
		pthread_kill(threads[random() % 4], SIGALRM);
	}
	over = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(mode, "results"))
		results();
	else if (!strcmp(mode, "signals"))
		signals();
	else if (!strcmp(mode, "traceme"))
		traceme();
	else if (!strcmp(mode, "attach"))
		attach(argc > 2);
	else if (!strcmp(mode, "storm"))
		storm(argc > 2 ? atoi(argv[2]) : 3);
	else
		return 2;
	if (!failed)
		puts("waits ok");
	return failed;
}
