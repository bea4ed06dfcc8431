/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c on arm. */
static void stand(void)
{
	register int mark __asm__("r4");

	request(PTRACE_TRACEME, 0, 0, NULL);
	mark = 0x44444444;
	__asm__ volatile("mov r5, #0x55\n\t"
			 "mov r0, %1\n\t"
			 "mov r1, %2\n\t"
			 "mov r8, r7\n\t"
			 "mov r7, %3\n\t"
			 "svc #0\n\t"
			 "mov r7, r8"
			 : "+r"(mark)
			 : "r"(getpid()), "i"(SIGSTOP), "i"(SYS_kill)
			 : "r0", "r1", "r5", "r8", "memory");
	_exit(mark == 0x44444444 ? 7 : 8);
}

static void structure_set(pid_t pid, unsigned type)
{
	static unsigned char buffer[1024];
	struct iovec vector = { buffer, sizeof(buffer) };

	printf("set %x %s", type, outcome(request(PTRACE_GETREGSET, pid, type, &vector)));
	printf(" %zu %s\n", vector.iov_len, outcome(request(PTRACE_SETREGSET, pid, type, &vector)));
}

static void machine(const char *other)
{
	pid_t pid = start(other);
	unsigned long sum = 0, word, area = 0;
	struct user_regs regs = { 0 };

	request(PTRACE_GETREGS, pid, 0, &regs);
	printf("r4 %lx r5 %lx\n", regs.uregs[4], regs.uregs[5]);
	for (unsigned long offset = 0; offset < 320; offset += 2) {
		long result;

		word = CANARY;
		result = request(PTRACE_PEEKUSER, pid, offset, &word);
		if (result == 0 && offset < sizeof(regs))
			word = word == regs.uregs[offset / 4];
		sum = sum * 31 + (result < 0 ? (unsigned long)errno : word + 1000);
		printf("%lx%s", sum, offset % 32 ? " " : "\n");
	}
	for (unsigned long offset = 16; offset < 320; offset += 12) {
		unsigned long before = 0;

		request(PTRACE_PEEKUSER, pid, offset, &before);
		printf("poke %lu %s ", offset, outcome(request(PTRACE_POKEUSER, pid, offset, (void *)0x1234)));
		request(PTRACE_PEEKUSER, pid, offset, &word);
		printf("%lx\n", word == before ? 0 : word);
		request(PTRACE_POKEUSER, pid, offset, (void *)before);
	}
	printf("mode %s\n", outcome(request(PTRACE_POKEUSER, pid, 64, (void *)0x1f)));
	structure(pid, "regs", PTRACE_GETREGS, 0);
	structure(pid, "fpregs", 14, 0);
	structure(pid, "wmmx", 18, 0);
	structure(pid, "vfp", 27, 0);
	printf("thread area %s", outcome(request(22, pid, 0, &area)));
	printf(" %s\n", area ? "something" : "nothing");
	/* The lowest first: a set of an aarch64 kernel begins there. */
	for (unsigned i = 0; i < 8; i++) {
		static const long numbers[] = { 1, 2, 3, 4, -1, -2, -3, -4 };

		structure(pid, "breakpoint", 29, (unsigned long)numbers[i]);
	}
	word = 0;
	request(29, pid, 0, &word);
	printf("breakpoints %lx\n", word);
	for (unsigned type = NT_PRSTATUS; type < 8; type++)
		structure_set(pid, type);
	for (unsigned type = 0x400; type < 0x408; type++)
		structure_set(pid, type);
	memory(pid, !other);
	request(PTRACE_CONT, pid, 0, NULL);
	printf("end %x\n", (unsigned)wait_for(pid));
}
/* Calls */

static void set_call(pid_t pid, long number)
{
	request(23 /* PTRACE_SET_SYSCALL */, pid, 0, (void *)number);
}

static void set_argument(pid_t pid, unsigned index, unsigned long value)
{
	request(PTRACE_POKEUSER, pid, index * 4, (void *)value);
}

static int result_of(pid_t pid)
{
	unsigned long word = 0;

	request(PTRACE_PEEKUSER, pid, 0, &word);
	return (int)word;
}
