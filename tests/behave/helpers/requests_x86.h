/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c on x86-64 and i386. */
#ifdef __x86_64__
#define REG(name)      r##name
#define SEGMENT(name)  name
#define NUMBER	       orig_rax
#else
#define REG(name)      e##name
#define SEGMENT(name)  x##name
#define NUMBER	       orig_eax
#endif
#define BY_SEGMENT
#define AT(name)       offsetof(struct user_regs_struct, name)

/* Known values everywhere, then a stop; the exit code tells whether they are still there. */
static void stand(void)
{
	static const char vector[16] = "vector-register";
	static const double number = 1234.5;
	static double number_after;
	static char vector_after[16];
	bool kept = true;

	request(PTRACE_TRACEME, 0, 0, NULL);
	__asm__ volatile("fldl %0\n\tmovdqu %1, %%xmm3" ::"m"(number), "m"(vector));
#ifdef __x86_64__
	{
		uint64_t high[2], b = 0x123456789abcdef0;

		__asm__ volatile("movabs $0x1122334455667788, %%r12\n\t"
				 "movabs $0x99aabbccddeeff01, %%r13\n\t"
				 "syscall\n\t"
				 "mov %%r12, %1\n\tmov %%r13, %2"
				 : "+b"(b), "=m"(high[0]), "=m"(high[1])
				 : "a"((long)SYS_kill), "D"((long)getpid()), "S"((long)SIGSTOP), "d"(0x22222222L)
				 : "r12", "r13", "rcx", "r11", "memory");
		kept = high[0] == 0x1122334455667788 && high[1] == 0x99aabbccddeeff01;
		printf("b %llx\n", (unsigned long long)b);
	}
#else
	{
		uint32_t d = 0x22222222, di = 0x44444444;

		__asm__ volatile("int $0x80"
				 : "+d"(d), "+D"(di)
				 : "a"(SYS_kill), "b"(getpid()), "c"(SIGSTOP), "S"(0x33333333)
				 : "memory");
		kept = d == 0x22222222 && di == 0x44444444;
	}
#endif
	__asm__ volatile("movdqu %%xmm3, %1\n\tfstpl %0" : "=m"(number_after), "=m"(vector_after));
	kept = kept && number_after == number && !memcmp(vector, vector_after, sizeof(vector));
	fflush(stdout);
	_exit(kept ? 7 : 8);
}

/* The user area word by word, and by halves: numbers where registers don't lie. */
static void peek_user(pid_t pid)
{
	struct user_regs_struct regs;
	unsigned long word, last = 0;
	unsigned good = 0;

	memset(&regs, 0, sizeof(regs));
	request(PTRACE_GETREGS, pid, 0, &regs);
	for (unsigned long offset = 0; offset < sizeof(regs); offset += sizeof(long)) {
		word = 0;
		request(PTRACE_PEEKUSER, pid, offset, &word);
		good += word == *(unsigned long *)((char *)&regs + offset);
	}
	printf("%u registers are the same\n", good);
	for (unsigned long offset = 0; offset < sizeof(struct user) + 24; offset += sizeof(long) / 2) {
		long result;

		word = CANARY;
		result = request(PTRACE_PEEKUSER, pid, offset, &word);
		if (result == 0 && offset < sizeof(regs))
			word = 1;
		last = last * 31 + (result < 0 ? (unsigned long)errno : word + 1000);
		printf("%lx%s", last, offset % 64 ? " " : "\n");
	}
	printf("\nfar %s\n", outcome(request(PTRACE_PEEKUSER, pid, -sizeof(long), &word)));
	printf("nowhere %s\n", outcome(request(PTRACE_PEEKUSER, pid, 0, NOWHERE)));
}

/* Writes words of the user area, says what is there afterwards, and puts each back. */
static void poke_user(pid_t pid)
{
	static const struct {
		const char *name;
		unsigned long offset, value;
	} pokes[] = {
		{ "bx", AT(REG(bx)), 0x12345678 },
		{ "bx", AT(REG(bx)), -3UL },
		{ "cs", AT(SEGMENT(cs)), 0 },
		{ "cs", AT(SEGMENT(cs)), 0x10 },
		{ "cs", AT(SEGMENT(cs)), 0x33 },
		{ "ss", AT(SEGMENT(ss)), 0 },
		{ "gs", AT(SEGMENT(gs)), 1 },
		{ "fs", AT(SEGMENT(fs)), 0x1002b },
		{ "number", AT(NUMBER), -1UL },
		{ "number", AT(NUMBER), 20 },
		{ "flags", AT(eflags), 0x3ffff },
		{ "half", sizeof(long) / 2, 1 },
		{ "comm", offsetof(struct user, u_comm), 1 },
		{ "debug 0", offsetof(struct user, u_debugreg[0]), 0x1000 },
		{ "debug 7", offsetof(struct user, u_debugreg[7]), 0x401 },
		{ "debug 7", offsetof(struct user, u_debugreg[7]), 0xf00ff },
		{ "debug 0", offsetof(struct user, u_debugreg[0]), -8UL },
		{ "end", sizeof(struct user), 1 },
	};

	for (unsigned i = 0; i < COUNT(pokes); i++) {
		unsigned long before = 0, after = 0;
		long result;

		request(PTRACE_PEEKUSER, pid, pokes[i].offset, &before);
		result = request(PTRACE_POKEUSER, pid, pokes[i].offset, (void *)pokes[i].value);
		printf("poke %s %lx: %s, ", pokes[i].name, pokes[i].value, outcome(result));
		request(PTRACE_PEEKUSER, pid, pokes[i].offset, &after);
		if (after == before)
			printf("unchanged\n");
		else
			printf("%lx\n", after);
		request(PTRACE_POKEUSER, pid, pokes[i].offset, (void *)before);
	}
}

static void regsets(pid_t pid)
{
	static const struct {
		const char *name;
		unsigned type;
		size_t size;
	} sets[] = {
		{ "NT_PRSTATUS", NT_PRSTATUS, 4096 }, { "NT_PRSTATUS", NT_PRSTATUS, 8 },
		{ "NT_PRSTATUS", NT_PRSTATUS, 7 },    { "NT_PRFPREG", NT_PRFPREG, 4096 },
		{ "NT_PRXFPREG", NT_PRXFPREG, 4096 }, { "NT_386_TLS", NT_386_TLS, 4096 },
		{ "NT_X86_XSTATE", NT_X86_XSTATE, 16384 }, { "nothing", 0x7777, 4096 },
	};
	static unsigned char buffer[16384];

	for (unsigned i = 0; i < COUNT(sets); i++) {
		struct iovec vector = { buffer, sets[i].size };
		long result = request(PTRACE_GETREGSET, pid, sets[i].type, &vector);

		printf("%s in %zu: %s %zu", sets[i].name, sets[i].size, outcome(result), vector.iov_len);
		if (result >= 0)
			printf(", set %s", outcome(request(PTRACE_SETREGSET, pid, sets[i].type, &vector)));
		printf(" %zu\n", vector.iov_len);
	}
	printf("nowhere %s\n", outcome(request(PTRACE_GETREGSET, pid, NT_PRSTATUS, NOWHERE)));
}

static void machine(const char *other)
{
	pid_t pid = start(other);
	struct user_regs_struct regs;

	memset(&regs, 0, sizeof(regs));
	request(PTRACE_GETREGS, pid, 0, &regs);
	printf("dx %lx\n", (unsigned long)regs.REG(dx));
	peek_user(pid);
	poke_user(pid);
	structure(pid, "regs", PTRACE_GETREGS, 0);
	structure(pid, "fpregs", PTRACE_GETFPREGS, 0);
	structure(pid, "fpxregs", 18 /* PTRACE_GETFPXREGS */, 0);
	for (unsigned long entry = 5; entry < 17; entry++)
		structure(pid, "thread area", 25, entry);
	regsets(pid);
	memory(pid, !other);
	for (int what = 34; what < 40; what++)
		printf("%d %s\n", what, outcome(request(what, pid, 0, NULL)));
	request(PTRACE_CONT, pid, 0, NULL);
	printf("end %x\n", (unsigned)wait_for(pid));
}

/* Calls */

static void set_call(pid_t pid, long number)
{
	request(PTRACE_POKEUSER, pid, AT(NUMBER), (void *)number);
}

static void set_argument(pid_t pid, unsigned index, unsigned long value)
{
#ifdef __x86_64__
	static const unsigned long offsets[] = { AT(rdi), AT(rsi), AT(rdx) };
#else
	static const unsigned long offsets[] = { AT(ebx), AT(ecx), AT(edx) };
#endif

	request(PTRACE_POKEUSER, pid, offsets[index], (void *)value);
}

static int result_of(pid_t pid)
{
	unsigned long word = 0;

	request(PTRACE_PEEKUSER, pid, AT(REG(ax)), &word);
	return (int)word;
}

/* 64-bit code in whatever program: open(path), then a breakpoint. */
static void escape_by_segment(const char *path)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	static const unsigned char code[] = { 0xb8, 2, 0, 0, 0, 0xbf, 0, 0, 0, 0, 0x31, 0xf6, 0x0f, 0x05, 0xcc };
	uint32_t at = (uint32_t)(uintptr_t)page + 64;
	struct user_regs_struct regs;
	pid_t pid;

	memcpy(page, code, sizeof(code));
	memcpy(page + 6, &at, sizeof(at));
	snprintf((char *)page + 64, 4096, "%s", path);
	pid = start(NULL);
	request(PTRACE_GETREGS, pid, 0, &regs);
	regs.SEGMENT(cs) = 0x33;
	regs.REG(ip) = (unsigned long)page;
	printf("set %s, ", outcome(request(PTRACE_SETREGS, pid, 0, &regs)));
	request(PTRACE_CONT, pid, 0, NULL);
	printf("stop %x ", (unsigned)wait_for(pid));
	say_result(pid);
	finish(pid);
}
