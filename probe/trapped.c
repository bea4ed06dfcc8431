// SPDX-License-Identifier: Apache-2.0
/* The whole trap map: which of all call numbers an outer filter answers with SIGSYS.
 *
 * Theory of operation
 *
 * A child puts a filter of its own below the outer one that answers every number with an errno, and
 * then makes every call. A trap outranks an errno (seccomp(2)), so that exactly the numbers which the
 * outer filter traps raise SIGSYS; all others are answered without being carried out. Hence even reboot
 * and exit can be asked about. A filter that kills takes the child with it: another goes on behind.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "probe/check.h"

#define ANSWER_ERRNO 77
#define DEATHS_MAX   16

_Static_assert(PLAN_TRAP_WORDS * 16 < FACT_TEXT_SIZE, "a hexadecimal digit for four numbers");

struct map {
	int next;
	uint64_t trapped[PLAN_TRAP_WORDS];
};

static void install_answers(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ANSWER_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {ARRAY_SIZE(program), program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		_exit(errno);
}

static void make_every_call(struct map *map)
{
	probe_install_sigsys_handler();
	probe_note_every_trap();
	install_answers();
	for (; map->next < PLAN_TRAP_WORDS * 64; map->next++) {
		int number = map->next;

		if (number == SYS_exit_group || number == SYS_rt_sigreturn)
			continue;
		syscall(number, 0, 0, 0, 0, 0, 0);
		if (probe_take_trapped() == number)
			map->trapped[number / 64] |= 1ULL << (number % 64);
	}
}

int probe_trapped_numbers(uint64_t trapped[PLAN_TRAP_WORDS])
{
	struct map *map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;

	if (map == MAP_FAILED)
		return -errno;
	for (unsigned deaths = 0; deaths < DEATHS_MAX && map->next < PLAN_TRAP_WORDS * 64;
	     deaths++) {
		pid_t pid = probe_fork();

		if (pid == 0) {
			make_every_call(map);
			_exit(0);
		}
		status = pid < 0 ? -errno : probe_wait(pid);
		if (status < 128)
			break;
		map->next++;
	}
	memcpy(trapped, map->trapped, sizeof(map->trapped));
	munmap(map, sizeof(*map));
	return status < 0 ? status : status > 0 && status < 128 ? -status : 0;
}

static void check_numbers(struct probe_context *context, const struct probe_check *check)
{
	uint64_t trapped[PLAN_TRAP_WORDS] = {0};
	char text[FACT_TEXT_SIZE] = "";
	int result = 0, count = 0;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0)
		result = probe_trapped_numbers(trapped);
	if (result < 0) {
		probe_rest_fails(context, check, -result, "the calls could not be made");
		return;
	}
	for (unsigned i = 0; i < PLAN_TRAP_WORDS; i++) {
		snprintf(text + 16 * (size_t)i, 17, "%016llx", (unsigned long long)trapped[i]);
		count += __builtin_popcountll(trapped[i]);
	}
	probe_works(context, FACT_ID_TRAP_NUMBERS, count, "%s", count ? text : "");
}

const struct probe_check probe_trapped_checks[] = {
	{check_numbers, PROBE_FACTS(FACT_ID_TRAP_NUMBERS), 0, NULL},
	{0},
};
