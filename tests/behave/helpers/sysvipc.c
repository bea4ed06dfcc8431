// SPDX-License-Identifier: Apache-2.0
/* sysvipc: what System V IPC answers to one process, printed so that it is the same wherever it works: no ids,
 * pids, times or addresses. */
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sysvipc.h"

static void shared_memory(void)
{
	long page = sysconf(_SC_PAGESIZE);
	struct shmid_ds status;
	char *one, *two, *place;
	int id, other;
	key_t key = 0x5eed0001;

	say("shmget none", ok(shmget(key, 100, 0600)));
	say("shmget zero", ok(shmget(key, 0, IPC_CREAT | 0600)));
	say("shmget huge", ok(shmget(key, (size_t)-1, IPC_CREAT | 0600)));
	id = shmget(key, 5000, IPC_CREAT | IPC_EXCL | 0640);
	say("shmget new", ok(id));
	say("shmget again", shmget(key, 100, 0600) == id);
	say("shmget exclusive", ok(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600)));
	say("shmget larger", ok(shmget(key, 5001, 0600)));
	other = shmget(IPC_PRIVATE, 10, 0600);
	say("private differs", other != id && shmget(IPC_PRIVATE, 10, 0600) != other);
	one = shmat(id, NULL, 0);
	say("shmat", ok(one == (void *)-1 ? -1 : 0));
	two = shmat(id, NULL, SHM_RDONLY);
	say("shmat read-only", ok(two == (void *)-1 ? -1 : 0));
	say("zeroed", one[0] == 0 && one[4999] == 0 && one[2 * page - 1] == 0);
	strcpy(one + 4990, "shared");
	say("seen", strcmp(two + 4990, "shared"));
	say("not writable", mprotect(two, (size_t)page, PROT_READ | PROT_WRITE));
	say("stat", shmctl(id, IPC_STAT, &status));
	printf("size %zu nattch %ld mode %o creator %d last %d atime %d dtime %d ctime %d uid %d\n",
	       status.shm_segsz, (long)status.shm_nattch, status.shm_perm.mode, status.shm_cpid == getpid(),
	       status.shm_lpid == getpid(), status.shm_atime != 0, status.shm_dtime != 0,
	       status.shm_ctime != 0, status.shm_perm.uid == geteuid() && status.shm_perm.cgid == getegid());
	say("shmdt middle", shmdt(two + page));
	say("shmdt unaligned", shmdt(two + 1));
	say("shmdt", shmdt(two));
	say("shmdt again", shmdt(two));
	shmctl(id, IPC_STAT, &status);
	printf("nattch %ld dtime %d\n", (long)status.shm_nattch, status.shm_dtime != 0);
	/* a place of the program's own */
	place = mmap(NULL, (size_t)page * 8, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("shmat on something", ok(shmat(id, place, 0) == (void *)-1 ? -1 : 0));
	say("shmat unaligned", ok(shmat(id, place + 5, 0) == (void *)-1 ? -1 : 0));
	say("shmat remap", shmat(id, place, SHM_REMAP) == place);
	say("shmat remap rounded", shmat(id, place + 4 * page + 5, SHM_REMAP | SHM_RND) == place + 4 * page);
	say("shmat remap nowhere", ok(shmat(id, NULL, SHM_REMAP) == (void *)-1 ? -1 : 0));
	say("same", strcmp(place + 4990, "shared") + strcmp(place + 4 * page + 4990, "shared"));
	munmap(place + 3 * page, (size_t)page); /* a hole in what is not attached */
	shmctl(id, IPC_STAT, &status);
	printf("nattch %ld\n", (long)status.shm_nattch);
	say("shmat fixed", shmat(id, place + 6 * page, SHM_REMAP) == place + 6 * page);
	say("shmdt fixed", shmdt(place + 6 * page));
	say("shmdt remapped", shmdt(place));
	say("shmdt rounded", shmdt(place + 4 * page));
	say("shmat free", shmat(id, place, 0) == place);
	say("shmdt free", shmdt(place));
	status.shm_perm.mode = 0700;
	say("set", shmctl(id, IPC_SET, &status));
	shmctl(id, IPC_STAT, &status);
	printf("mode %o\n", status.shm_perm.mode);
	say("lock", shmctl(id, SHM_UNLOCK, NULL));
	say("stat nowhere", shmctl(id, IPC_STAT, (void *)8));
	say("what", shmctl(id, 77, NULL));
	say("negative", shmctl(-1, IPC_STAT, &status));
	say("shmat negative", ok(shmat(-1, NULL, 0) == (void *)-1 ? -1 : 0));
	say("remove", shmctl(id, IPC_RMID, NULL));
	say("not found", ok(shmget(key, 100, 0600)));
	say("still there", shmctl(id, IPC_STAT, &status));
	printf("mode %o nattch %ld key %d\n", status.shm_perm.mode, (long)status.shm_nattch,
	       status.shm_perm.__key);
	say("another by the key", ok(shmget(key, 100, IPC_CREAT | 0600)));
	say("remove that", shmctl(shmget(key, 0, 0), IPC_RMID, NULL));
	strcpy(one, "alive");
	place = shmat(id, NULL, 0);
	say("shmat removed", place != (void *)-1 && !strcmp(place, "alive"));
	say("detach", shmdt(place));
	say("detach last", shmdt(one));
	say("gone", shmctl(id, IPC_STAT, &status));
	say("shmat gone", ok(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0));
	say("remove other", shmctl(other, IPC_RMID, NULL));
	for (other = 0; other < 3; other++) {
		id = shmget(IPC_PRIVATE, 1 << 20, 0600);
		one = shmat(id, NULL, 0);
		memset(one, other, 1 << 20);
		say("a large one", one[(1 << 20) - 1] + shmdt(one) + shmctl(id, IPC_RMID, NULL));
	}
}

static void semaphores(void)
{
	struct timespec moment = { 0, 20000000 }, bad = { 0, 1000000000 };
	struct sembuf several[3] = { { 0, 2, 0 }, { 1, -1, IPC_NOWAIT }, { 2, 1, 0 } }, many[501];
	unsigned short values[3] = { 5, 6, 7 };
	struct semid_ds status;
	union semun argument = { .pointer = values };
	key_t key = 0x5eed0002;
	int id;

	memset(many, 0, sizeof(many));
	for (unsigned i = 0; i < 501; i++)
		many[i].sem_num = 1;
	say("semget none", ok(semget(key, 3, 0600)));
	say("semget zero", ok(semget(key, 0, IPC_CREAT | 0600)));
	say("semget negative", ok(semget(key, -1, IPC_CREAT | 0600)));
	say("semget many", ok(semget(key, 32001, IPC_CREAT | 0600)));
	id = semget(key, 3, IPC_CREAT | 0620);
	say("semget", ok(id));
	say("semget fewer", semget(key, 2, 0600) == id);
	say("semget any", semget(key, 0, 0600) == id);
	say("semget more", ok(semget(key, 4, 0600)));
	say("getval", semaphore(id, 0, GETVAL, 0));
	say("getpid", semaphore(id, 0, GETPID, 0));
	say("setval", semaphore(id, 1, SETVAL, 3));
	say("setval negative", semaphore(id, 1, SETVAL, -1));
	say("setval large", semaphore(id, 1, SETVAL, 32768));
	say("setval beyond", semaphore(id, 3, SETVAL, 1));
	say("getval beyond", semaphore(id, 3, GETVAL, 1));
	say("getval before", semaphore(id, -1, GETVAL, 1));
	say("getpid own", semaphore(id, 1, GETPID, 0) == getpid());
	say("three", semop(id, several, 3));
	say("0", semaphore(id, 0, GETVAL, 0));
	say("1", semaphore(id, 1, GETVAL, 0));
	say("2", semaphore(id, 2, GETVAL, 0));
	semaphore(id, 1, SETVAL, 0);
	say("three blocked", semop(id, several, 3));
	say("0 untouched", semaphore(id, 0, GETVAL, 0));
	say("zero", operate(id, 1, 0, 0));
	say("zero blocked", operate(id, 0, 0, IPC_NOWAIT));
	say("too large", operate(id, 0, 32767, 0));
	say("beyond", operate(id, 3, 1, 0));
	say("none", semop(id, several, 0));
	say("too many", semop(id, many, 501));
	say("500", semop(id, many, 500));
	say("nowhere", semop(id, (void *)8, 1));
	say("timed", semtimedop(id, &(struct sembuf){ 1, -1, 0 }, 1, &moment));
	say("timed bad", semtimedop(id, &(struct sembuf){ 1, -1, 0 }, 1, &bad));
	say("timed nowhere", semtimedop(id, &(struct sembuf){ 1, -1, 0 }, 1, (void *)8));
	say("timed free", semtimedop(id, &(struct sembuf){ 0, -1, 0 }, 1, &moment));
	say("setall", semctl(id, 0, SETALL, argument));
	memset(values, 0, sizeof(values));
	say("getall", semctl(id, 0, GETALL, argument));
	printf("%d %d %d\n", values[0], values[1], values[2]);
	values[1] = 40000;
	say("setall large", semctl(id, 0, SETALL, argument));
	argument.pointer = (void *)8;
	say("setall nowhere", semctl(id, 0, SETALL, argument));
	say("undo range", operate(id, 0, -3, SEM_UNDO) + operate(id, 0, 3, SEM_UNDO));
	say("ncnt", semaphore(id, 0, GETNCNT, 0));
	argument.pointer = &status;
	say("stat", semctl(id, 0, IPC_STAT, argument));
	printf("nsems %ld mode %o otime %d ctime %d\n", (long)status.sem_nsems, status.sem_perm.mode,
	       status.sem_otime != 0, status.sem_ctime != 0);
	status.sem_perm.mode = 0666;
	say("set", semctl(id, 0, IPC_SET, argument));
	say("what", semctl(id, 0, 99, argument));
	say("negative", semaphore(-1, 0, GETVAL, 0));
	say("operate negative", operate(-1, 0, 1, 0));
	say("remove", semaphore(id, 0, IPC_RMID, 0));
	say("gone", semaphore(id, 0, GETVAL, 0));
	say("operate gone", operate(id, 0, 1, 0));
}

static void messages(void)
{
	struct msqid_ds status;
	struct letter letter = { .type = 9 };
	key_t key = 0x5eed0003;
	int id, count = 0;

	say("msgget none", ok(msgget(key, 0600)));
	id = msgget(key, IPC_CREAT | 0600);
	say("msgget", ok(id));
	say("msgget again", msgget(key, 0400) == id);
	say("type 0", send(id, 0, "no", 0));
	say("type -1", send(id, -1, "no", 0));
	say("one", send(id, 3, "three", 0));
	send(id, 1, "one", 0);
	send(id, 2, "two", 0);
	send(id, 3, "three again", 0);
	send(id, 5, "", 0);
	say("too long", msgsnd(id, &letter, 8193, 0));
	say("nowhere", msgsnd(id, (void *)8, 1, 0));
	say("negative", msgsnd(-1, &letter, 1, 0));
	say("stat", msgctl(id, IPC_STAT, &status));
	printf("qnum %ld cbytes %ld qbytes %ld mode %o lspid %d lrpid %d stime %d rtime %d\n",
	       (long)status.msg_qnum, (long)status.__msg_cbytes, (long)status.msg_qbytes,
	       status.msg_perm.mode, status.msg_lspid == getpid(), status.msg_lrpid, status.msg_stime != 0,
	       status.msg_rtime != 0);
	receive("copy", id, 1, 100, MSG_COPY | IPC_NOWAIT);
	receive("copy beyond", id, 9, 100, MSG_COPY | IPC_NOWAIT);
	receive("copy waiting", id, 1, 100, MSG_COPY);
	receive("type 2", id, 2, 100, 0);
	receive("too short", id, 3, 2, 0);
	receive("cut", id, 3, 2, MSG_NOERROR);
	receive("up to 4", id, -4, 100, 0);
	receive("not 3", id, 3, 100, MSG_EXCEPT);
	receive("none of 7", id, 7, 100, IPC_NOWAIT);
	receive("any", id, 0, 100, 0);
	receive("empty", id, 0, 100, IPC_NOWAIT);
	receive("gone far", id, LONG_MIN, 100, IPC_NOWAIT);
	receive("size", id, 0, (size_t)-1, IPC_NOWAIT);
	while (msgsnd(id, &letter, 1000, IPC_NOWAIT) == 0)
		count++;
	say("full", -1);
	printf("after %d\n", count);
	msgctl(id, IPC_STAT, &status);
	status.msg_qbytes = 1000;
	say("less", msgctl(id, IPC_SET, &status));
	receive("a thousand", id, 0, 1000, 0);
	say("still full", send(id, 1, "x", IPC_NOWAIT));
	say("what", msgctl(id, 77, &status));
	say("remove", msgctl(id, IPC_RMID, NULL));
	say("send gone", send(id, 1, "x", 0));
	receive("receive gone", id, 0, 10, 0);
	id = msgget(IPC_PRIVATE, 0600);
	for (count = 0; send(id, 1, "", IPC_NOWAIT) == 0; count++)
		;
	printf("empty ones %d\n", count);
	say("remove", msgctl(id, IPC_RMID, NULL));
}

int main(void)
{
	shared_memory();
	semaphores();
	messages();
	return 0;
}
