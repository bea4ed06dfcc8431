// SPDX-License-Identifier: Apache-2.0
/* sysvipc-life blocking|undo|attached|pingpong COUNT|signalled COUNT|storm SEED COUNT: what System V IPC is to processes that wait for each
 * other, end and fork, printed so that it is the same wherever it works. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sysvipc.h"

/* blocking */

static void on_signal(int number)
{
	(void)number;
}

#define CHILDREN 64
static struct {
	pid_t pid;
	int output;
} children[CHILDREN];
static int child_count;

/* body() in a child; its output and status are told when it has ended. */
static pid_t spawn(void (*body)(int id), int id)
{
	int ends[2];
	pid_t pid;

	fflush(stdout);
	if (child_count == CHILDREN || pipe2(ends, O_CLOEXEC) < 0)
		exit(3);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		body(id);
		fflush(stdout);
		_exit(0);
	}
	close(ends[1]);
	children[child_count].pid = pid;
	children[child_count++].output = ends[0];
	return pid;
}

static void reap(pid_t pid)
{
	char text[1024];
	int status = 0;

	waitpid(pid, &status, 0);
	for (int i = 0; i < child_count; i++) {
		ssize_t length = children[i].pid == pid ? read(children[i].output, text, sizeof(text)) : 0;

		if (length > 0)
			printf("%.*s", (int)length, text);
	}
	printf("child %s %d\n", WIFSIGNALED(status) ? "killed" : "ended",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void wait_for(int id, int command, int count)
{
	for (int i = 0; i < 5000 && semaphore(id, 0, command, 0) != count; i++)
		nap(1);
}

static void down(int id) { say("down", operate(id, 0, -1, 0)); }
static void down_two(int id) { say("down two", operate(id, 0, -2, 0)); }
static void zero(int id) { say("zero", operate(id, 0, 0, 0)); }
static void take_letter(int id) { receive("letter", id, 0, 100, 0); }
static void take_seven(int id) { receive("seven", id, 7, 2, 0); }
static void put_letter(int id) { say("put", send(id, 4, "a letter", 0)); }

static void down_handled(int id)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	say("down, handled", operate(id, 0, -1, 0));
}

static void letter_handled(int id)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	receive("letter, handled", id, 0, 100, 0);
}

static void down_ignored(int id)
{
	signal(SIGUSR1, SIG_IGN);
	say("down, ignored", operate(id, 0, -1, 0));
}

static void blocking_semaphores(void)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	pid_t one, two;

	one = spawn(down, id);
	wait_for(id, GETNCNT, 1);
	say("waits", semaphore(id, 0, GETNCNT, 0));
	say("up", operate(id, 0, 1, 0));
	reap(one);
	say("last", semaphore(id, 0, GETPID, 0) == one);
	one = spawn(down_two, id);
	wait_for(id, GETNCNT, 1);
	two = spawn(down, id);
	wait_for(id, GETNCNT, 2);
	operate(id, 0, 1, 0);
	reap(two);
	say("one waits", semaphore(id, 0, GETNCNT, 0));
	semaphore(id, 0, SETVAL, 5);
	reap(one);
	one = spawn(zero, id);
	wait_for(id, GETZCNT, 1);
	say("for zero", semaphore(id, 0, GETZCNT, 0));
	operate(id, 0, -3, 0);
	reap(one);
	one = spawn(down_handled, id);
	wait_for(id, GETNCNT, 1);
	kill(one, SIGUSR1);
	reap(one);
	one = spawn(down_ignored, id);
	wait_for(id, GETNCNT, 1);
	kill(one, SIGUSR1);
	nap(20);
	say("goes on waiting", semaphore(id, 0, GETNCNT, 0));
	kill(one, SIGKILL);
	reap(one);
	say("nobody waits", semaphore(id, 0, GETNCNT, 0));
	one = spawn(down, id);
	wait_for(id, GETNCNT, 1);
	kill(one, SIGSTOP);
	waitpid(one, NULL, WUNTRACED);
	kill(one, SIGCONT);
	reap(one);
	semaphore(id, 0, SETVAL, 1);
	one = spawn(down_two, id);
	two = spawn(zero, id);
	wait_for(id, GETNCNT, 1);
	wait_for(id, GETZCNT, 1);
	say("remove", semaphore(id, 0, IPC_RMID, 0));
	reap(one);
	reap(two);
}

/* Who is counted as waiting is interrupted by a signal, however soon it comes after that. */
static void signalled(int count)
{
	struct sigaction action = { .sa_handler = on_signal };
	int id = semget(IPC_PRIVATE, 1, 0600), interrupted = 0;

	for (int i = 0; i < count; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			sigaction(SIGUSR1, &action, NULL);
			alarm(30); /* asleep once more */
			_exit(operate(id, 0, -1, 0) < 0 && errno == EINTR ? 0 : 1);
		}
		while (semaphore(id, 0, GETNCNT, 0) == 0)
			;
		kill(pid, SIGUSR1);
		waitpid(pid, &status, 0);
		interrupted += status == 0;
		if (status)
			break;
	}
	say("interrupted", interrupted);
	semaphore(id, 0, IPC_RMID, 0);
}

static void wait_for_sleep(pid_t pid)
{
	char path[64], text[512], *state = NULL;

	for (int i = 0; i < 2000; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "r");
		if (file && fgets(text, sizeof(text), file))
			state = strrchr(text, ')');
		if (file)
			fclose(file);
		if (state && state[2] == 'S')
			break;
		nap(1);
	}
	nap(20);
}

static void blocking_messages(void)
{
	int id = msgget(IPC_PRIVATE, 0600), count = 0;
	struct letter letter = { .type = 1 };
	struct msqid_ds status;
	pid_t one, two;

	one = spawn(take_letter, id);
	wait_for_sleep(one);
	say("send", send(id, 2, "for you", 0));
	reap(one);
	msgctl(id, IPC_STAT, &status);
	printf("left %ld, received by %d\n", (long)status.msg_qnum, status.msg_lrpid == one);
	one = spawn(take_seven, id);
	wait_for_sleep(one);
	say("six", send(id, 6, "six", 0));
	say("seven, too long", send(id, 7, "seven", 0));
	reap(one);
	msgctl(id, IPC_STAT, &status);
	printf("left %ld\n", (long)status.msg_qnum);
	one = spawn(letter_handled, id);
	reap(one); /* takes six */
	receive("seven is there", id, 0, 100, 0);
	one = spawn(letter_handled, id);
	wait_for_sleep(one);
	kill(one, SIGUSR1);
	reap(one);
	one = spawn(take_letter, id);
	wait_for_sleep(one);
	kill(one, SIGSTOP);
	waitpid(one, NULL, WUNTRACED);
	kill(one, SIGCONT);
	wait_for_sleep(one);
	send(id, 1, "after the stop", 0);
	reap(one);
	while (msgsnd(id, &letter, 4000, IPC_NOWAIT) == 0)
		count++;
	printf("%d fit\n", count);
	one = spawn(put_letter, id);
	reap(one);
	two = spawn(take_seven, id);
	wait_for_sleep(two);
	msgctl(id, IPC_STAT, &status);
	printf("now %ld\n", (long)status.msg_qnum);
	say("one too many", msgsnd(id, &letter, 16384 - 4000 * 4 - 7, IPC_NOWAIT));
	one = spawn(take_seven, id);
	wait_for_sleep(one);
	say("remove", msgctl(id, IPC_RMID, NULL));
	reap(one);
	reap(two);
	id = msgget(IPC_PRIVATE, 0600);
	while (msgsnd(id, &letter, 8192, IPC_NOWAIT) == 0)
		;
	one = spawn(put_letter, id);
	wait_for_sleep(one);
	receive("make room", id, 0, 10000, 0);
	reap(one);
	msgctl(id, IPC_STAT, &status);
	printf("%ld messages, sent by %d\n", (long)status.msg_qnum, status.msg_lspid == one);
	one = spawn(take_seven, id);
	wait_for_sleep(one);
	kill(one, SIGKILL);
	reap(one);
	send(id, 7, "x", 0);
	receive("not lost", id, 7, 10, IPC_NOWAIT);
	msgctl(id, IPC_RMID, NULL);
}

/* undo */

static int barrier; /* a semaphore set: children tell that they have come so far */

static void hold_and_die(int id)
{
	say("hold", operate(id, 0, -2, SEM_UNDO));
	fflush(stdout);
	operate(barrier, 0, 1, 0);
	pause();
}

static void hold_and_exit(int id)
{
	operate(id, 0, -1, SEM_UNDO);
	operate(id, 0, -1, SEM_UNDO);
	operate(id, 0, 1, SEM_UNDO);
}

static void raise_and_exit(int id) { operate(id, 0, 3, SEM_UNDO); }

static void hold_in_child(int id)
{
	operate(id, 0, -1, SEM_UNDO);
	if (fork() == 0)
		_exit(0); /* has nothing to undo */
	wait(NULL);
	say("in the child", semaphore(id, 0, GETVAL, 0));
}

static int thread_body(void *id)
{
	operate(*(int *)id, 0, -1, SEM_UNDO);
	return 0;
}

static void hold_in_thread(int id)
{
	static char stack[65536] __attribute__((aligned(16)));
	static int place;

	place = id;
	clone(thread_body, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
	      CLONE_THREAD | CLONE_SYSVSEM, &place);
	for (int i = 0; i < 2000 && semaphore(id, 0, GETVAL, 0) == 4; i++)
		nap(1);
	nap(30);
	say("thread is gone", semaphore(id, 0, GETVAL, 0));
}

static void hold_over_exec(int id)
{
	char number[16];

	operate(id, 0, -1, SEM_UNDO);
	snprintf(number, sizeof(number), "%d", id);
	execl("/proc/self/exe", "sysvipc-life", "value", number, NULL);
}

static void undo(void)
{
	int id = semget(IPC_PRIVATE, 1, 0600);
	pid_t one, two;

	barrier = semget(IPC_PRIVATE, 1, 0600);
	semaphore(id, 0, SETVAL, 4);
	one = spawn(hold_and_die, id);
	operate(barrier, 0, -1, 0);
	say("held", semaphore(id, 0, GETVAL, 0));
	two = spawn(hold_and_exit, id);
	reap(two);
	say("held by one", semaphore(id, 0, GETVAL, 0));
	semaphore(barrier, 0, SETVAL, 0);
	two = spawn(zero, barrier);
	reap(two);
	kill(one, SIGKILL);
	reap(one);
	say("undone", semaphore(id, 0, GETVAL, 0));
	say("by", semaphore(id, 0, GETPID, 0) == one);
	reap(spawn(raise_and_exit, id));
	say("lowered", semaphore(id, 0, GETVAL, 0));
	reap(spawn(hold_in_child, id));
	say("after the child", semaphore(id, 0, GETVAL, 0));
	reap(spawn(hold_in_thread, id));
	say("after the thread", semaphore(id, 0, GETVAL, 0));
	reap(spawn(hold_over_exec, id));
	say("after exec", semaphore(id, 0, GETVAL, 0));
	/* SETVAL forgets what was to be undone */
	one = spawn(hold_and_die, id);
	operate(barrier, 0, -1, 0);
	semaphore(id, 0, SETVAL, 1);
	kill(one, SIGKILL);
	reap(one);
	say("forgotten", semaphore(id, 0, GETVAL, 0));
	/* who sleeps is woken by what a dead one gives back */
	semaphore(id, 0, SETVAL, 2);
	one = spawn(hold_and_die, id);
	operate(barrier, 0, -1, 0);
	two = spawn(down_two, id);
	wait_for(id, GETNCNT, 1);
	kill(one, SIGKILL);
	reap(one);
	reap(two);
	one = spawn(hold_and_die, id);
	wait_for(id, GETNCNT, 1);
	kill(one, SIGKILL);
	reap(one);
	say("nothing was held", semaphore(id, 0, GETVAL, 0));
	semaphore(id, 0, IPC_RMID, 0);
	semaphore(barrier, 0, IPC_RMID, 0);
}

/* attached */

static long attached(int id)
{
	struct shmid_ds status;

	return shmctl(id, IPC_STAT, &status) < 0 ? -1 : (long)status.shm_nattch;
}

static int segment_child(void *place)
{
	strcpy((char *)place + 100, "from the clone");
	_exit(0);
}

static void attachments(void)
{
	int id = shmget(IPC_PRIVATE, 8192, 0600), ends[2], status;
	char *place = shmat(id, NULL, 0), number[16], byte, stack[16384];
	pid_t pid;

	say("one", attached(id));
	pipe(ends);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		strcpy(place, "from the child");
		if (read(ends[0], &byte, 1) == 0)
			_exit(0);
	}
	say("two", attached(id));
	close(ends[1]);
	waitpid(pid, &status, 0);
	say("one again", attached(id));
	printf("%s\n", place);
	pid = fork();
	if (pid == 0) {
		shmdt(place);
		say("detached in the child", attached(id));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say("not here", attached(id));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		snprintf(number, sizeof(number), "%d", id);
		execl("/proc/self/exe", "sysvipc-life", "nattch", number, NULL);
	}
	waitpid(pid, &status, 0);
	pid = vfork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	say("after vfork", attached(id));
	pid = clone(segment_child, stack + sizeof(stack), CLONE_VM | SIGCHLD, place);
	waitpid(pid, &status, 0);
	printf("%s\n", place + 100);
	say("after clone", attached(id));
	pid = fork();
	if (pid == 0) {
		nap(10000);
		_exit(0);
	}
	say("remove", shmctl(id, IPC_RMID, NULL));
	say("shmdt", shmdt(place));
	say("the child has it", attached(id));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say("gone", attached(id));
}

/* storm: three processes at random; the parent compares what is left with what must be */

#define STORM_SEMS 4
struct storm {
	long ups[STORM_SEMS], downs[STORM_SEMS], sent, received, bytes_sent, bytes_received, errors;
	int lock, counter;
};

static unsigned random_next(unsigned *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16;
}

static void storm_semaphore(int sems, struct storm *own, unsigned choice)
{
	int number = (int)(choice % STORM_SEMS), amount = (int)(choice / 8 % 3) + 1;
	struct timespec moment = { 0, 1000000 };
	struct sembuf one = { (unsigned short)number, (short)(choice & 64 ? amount : -amount), 0 };
	int result = semtimedop(sems, &one, 1, &moment);

	if (result == 0 && one.sem_op > 0)
		own->ups[number] += amount;
	else if (result == 0)
		own->downs[number] += amount;
	else if (errno != EAGAIN && errno != ERANGE && errno != EINTR)
		own->errors++;
}

static void storm_message(int queue, struct storm *own, unsigned choice)
{
	struct letter letter = { .type = choice % 5 + 1 };
	size_t size = choice % 700;
	ssize_t length;

	if (choice & 512) {
		memset(letter.text, (int)letter.type, size);
		if (msgsnd(queue, &letter, size, IPC_NOWAIT) == 0) {
			own->sent++;
			own->bytes_sent += (long)size;
		} else if (errno != EAGAIN) {
			own->errors++;
		}
		return;
	}
	length = msgrcv(queue, &letter, 700, (long)(choice % 7) - 3, IPC_NOWAIT);
	if (length >= 0) {
		own->received++;
		own->bytes_received += length;
		for (ssize_t i = 0; i < length; i++)
			own->errors += letter.text[i] != (char)letter.type;
	} else if (errno != ENOMSG) {
		own->errors++;
	}
}

/* A lock in a semaphore, a counter in a segment. */
static void storm_count(int lock, int segment, struct storm *own)
{
	struct storm *shared = shmat(segment, NULL, 0);
	int before;

	if (shared == (void *)-1 || operate(lock, 0, -1, SEM_UNDO) < 0) {
		own->errors++;
		return;
	}
	before = *(volatile int *)&shared->counter;
	sched_yield();
	*(volatile int *)&shared->counter = before + 1;
	own->counter++;
	if (operate(lock, 0, 1, SEM_UNDO) < 0 || shmdt(shared) < 0)
		own->errors++;
}

static void storm_process(int sems, int lock, int queue, int segment, struct storm *own, unsigned seed,
			  int count)
{
	for (int i = 0; i < count; i++) {
		unsigned choice = random_next(&seed);

		if (choice % 3 == 0)
			storm_semaphore(sems, own, choice / 3);
		else if (choice % 3 == 1)
			storm_message(queue, own, choice / 3);
		else
			storm_count(lock, segment, own);
	}
	_exit(0);
}

static void storm(unsigned seed, int count)
{
	int sems = semget(IPC_PRIVATE, STORM_SEMS, 0600), lock = semget(IPC_PRIVATE, 1, 0600);
	int queue = msgget(IPC_PRIVATE, 0600), segment = shmget(IPC_PRIVATE, sizeof(struct storm), 0600);
	struct storm *results = mmap(NULL, 4 * sizeof(*results), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct storm all = { 0 }, *shared = shmat(segment, NULL, 0);
	struct msqid_ds status;
	bool good = true;

	semaphore(lock, 0, SETVAL, 1);
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			storm_process(sems, lock, queue, segment, &results[i], seed * 3 + (unsigned)i, count);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < STORM_SEMS; j++)
			all.ups[j] += results[i].ups[j] - results[i].downs[j];
		all.sent += results[i].sent - results[i].received;
		all.bytes_sent += results[i].bytes_sent - results[i].bytes_received;
		all.counter += results[i].counter;
		all.errors += results[i].errors;
	}
	for (int j = 0; j < STORM_SEMS; j++)
		good &= semaphore(sems, j, GETVAL, 0) == all.ups[j];
	say("semaphores", good);
	msgctl(queue, IPC_STAT, &status);
	say("messages", (long)status.msg_qnum == all.sent && (long)status.__msg_cbytes == all.bytes_sent);
	say("counter", shared->counter == all.counter && all.counter > 0);
	say("lock", semaphore(lock, 0, GETVAL, 0));
	say("attached", attached(segment));
	say("errors", all.errors);
	semaphore(sems, 0, IPC_RMID, 0);
	semaphore(lock, 0, IPC_RMID, 0);
	msgctl(queue, IPC_RMID, NULL);
	shmctl(segment, IPC_RMID, NULL);
}

/* pingpong: two processes that wake each other, while a third bothers both with signals that nobody handles */

static void play(int sems, int queue, int own, int other, int count)
{
	struct letter letter = { .type = own + 1 };

	signal(SIGUSR1, SIG_IGN);
	for (int i = 0; i < count; i++) {
		if (operate(sems, own, -1, 0) < 0 || operate(sems, other, 1, 0) < 0)
			_exit(1);
		letter.type = own + 1;
		if (msgsnd(queue, &letter, 100, 0) < 0 ||
		    msgrcv(queue, &letter, 100, other + 1, 0) != 100)
			_exit(2);
	}
	_exit(0);
}

static void pingpong(int count)
{
	int sems = semget(IPC_PRIVATE, 2, 0600), queue = msgget(IPC_PRIVATE, 0600), status, bothers = 1;
	pid_t players[2], third;

	signal(SIGUSR1, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		players[i] = fork();
		if (players[i] == 0)
			play(sems, queue, i, !i, count);
	}
	third = fork();
	while (third == 0) {
		bothers = kill(players[0], SIGUSR1) + kill(players[1], SIGWINCH);
		if (bothers < 0 || getppid() == 1)
			_exit(0);
		usleep(3000);
	}
	semaphore(sems, 0, SETVAL, 1);
	for (int i = 0; i < 2; i++) {
		waitpid(players[i], &status, 0);
		printf("player %d: %d\n", i, status);
	}
	kill(third, SIGKILL);
	waitpid(third, NULL, 0);
	say("left", semaphore(sems, 0, GETVAL, 0) + semaphore(sems, 1, GETVAL, 0));
	semaphore(sems, 0, IPC_RMID, 0);
	msgctl(queue, IPC_RMID, NULL);
}

/* One segment, for the others to find, and what maps calls it. */

#define KEY 0x5eed0009

static void show_maps(void)
{
	int id = shmget(KEY, 4096, IPC_CREAT | 0600);
	char line[512], *place = shmat(id, NULL, 0), start[32];
	FILE *maps = fopen("/proc/self/maps", "r");

	snprintf(start, sizeof(start), "%lx-", (unsigned long)place);
	while (maps && fgets(line, sizeof(line), maps))
		if (!strncmp(line, start, strlen(start)))
			fputs(strchr(line, '/'), stdout);
	shmctl(id, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "blocking")) {
		blocking_semaphores();
		blocking_messages();
	} else if (!strcmp(what, "undo")) {
		undo();
	} else if (!strcmp(what, "attached")) {
		attachments();
	} else if (!strcmp(what, "pingpong") && argc > 2) {
		pingpong(atoi(argv[2]));
	} else if (!strcmp(what, "signalled") && argc > 2) {
		signalled(atoi(argv[2]));
	} else if (!strcmp(what, "maps")) {
		show_maps();
	} else if (!strcmp(what, "make")) {
		say("make", ok(shmget(KEY, 4096, IPC_CREAT | 0600)));
	} else if (!strcmp(what, "find")) {
		say("find", ok(shmget(KEY, 4096, 0600)));
	} else if (!strcmp(what, "value") && argc > 2) {
		say("value", semaphore(atoi(argv[2]), 0, GETVAL, 0));
	} else if (!strcmp(what, "nattch") && argc > 2) {
		say("after exec", attached(atoi(argv[2])));
	} else if (!strcmp(what, "storm") && argc > 3) {
		storm((unsigned)atoi(argv[2]), atoi(argv[3]));
	} else {
		return 2;
	}
	return 0;
}
