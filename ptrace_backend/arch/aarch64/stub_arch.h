/* SPDX-License-Identifier: Apache-2.0 */
/* aarch64's part of the stub (stub/stub.c): entry and exit, the call that counts, numbers, struct stat.
 *
 * `svc` leaves all registers alone but x0: none is ours. The record has put four on the program's stack (there is no
 * red zone) and comes here with its own address in x16; x14, x15 and x17 are free, the flags are not. The site may
 * be one that all calls go through, as Go's and musl's: a number that isn't known goes back at once. Else everything is
 * saved in a slot, for what a signal finds, and the stack is the slot's.
 */
#ifndef AMPHORA_ARCH_AARCH64_STUB_ARCH_H
#define AMPHORA_ARCH_AARCH64_STUB_ARCH_H

#define SYS_getxattr   8
#define SYS_lgetxattr  9
#define SYS_fgetxattr  10
#define SYS_flistxattr 13
#define SYS_getcwd     17
#define SYS_faccessat  48
#define SYS_openat     56
#define SYS_mkdirat    34
#define SYS_unlinkat   35
#define SYS_symlinkat  36
#define SYS_linkat     37
#define SYS_renameat   38
#define SYS_renameat2  276
#define SYS_chdir      49
#define SYS_fchmod     52
#define SYS_fchown     55
#define SYS_utimensat  88
#define SYS_readlinkat 78
#define SYS_newfstatat 79
#define SYS_fstat      80
#define SYS_getuid     174
#define SYS_geteuid    175
#define SYS_getgid     176
#define SYS_getegid    177
#define SYS_statx      291
#define SYS_faccessat2 439
#define SYS_close      57

#define SYS_waitid     95
#define SYS_wait4      260

#define O_DIRECTORY 040000
#define O_NOFOLLOW  0100000
#define O_LARGEFILE 0400000

#define STRING_(x) #x
#define STRING(x)  STRING_(x)
/* To 1 for a number that amphora_stub_call() knows. */
#define KNOWN(number)	  "	sub w17, w8, #" STRING(number) "\n	cbz w17, 1f\n"
#define SAVE(a, b, n)	  "	stp x" #a ", x" #b ", [x17, #" STRING(SLOT_X(n)) "]\n"
#define RESTORE(a, b)	  "	ldp x" #a ", x" #b ", [x17, #" STRING(SLOT_X(a)) "]\n"
/* The program's stack pointer, as it came here. */
#define RESTORE_STACK	  "	ldr x15, [x17, #" STRING(SLOT_SP) "]\n	sub x15, x15, #" STRING(PUSHED) "\n	mov sp, x15\n"

__asm__(".section stub_text,\"ax\",@progbits\n"
	".balign 16384\n"
	".globl amphora_stub_start, amphora_stub_tried, amphora_stub_acquired, amphora_stub_switched\n"
	".globl amphora_stub_restored, amphora_stub_slow, amphora_stub_slow_restored, amphora_stub_code_end\n"
	".hidden amphora_stub_start, amphora_stub_tried, amphora_stub_acquired, amphora_stub_switched\n"
	".hidden amphora_stub_restored, amphora_stub_slow, amphora_stub_slow_restored, amphora_stub_code_end\n"
	"amphora_stub_start:\n"
	"	hint #38\n" /* bti jc */
	KNOWN(SYS_wait4) KNOWN(SYS_waitid)
	KNOWN(SYS_newfstatat) KNOWN(SYS_openat) KNOWN(SYS_fstat) KNOWN(SYS_readlinkat)
	KNOWN(SYS_statx) KNOWN(SYS_getxattr) KNOWN(SYS_lgetxattr) KNOWN(SYS_getcwd) KNOWN(SYS_faccessat) KNOWN(SYS_faccessat2)
	KNOWN(SYS_getuid) KNOWN(SYS_geteuid) KNOWN(SYS_getgid) KNOWN(SYS_getegid)
	KNOWN(SYS_mkdirat) KNOWN(SYS_unlinkat) KNOWN(SYS_symlinkat) KNOWN(SYS_linkat) KNOWN(SYS_renameat) KNOWN(SYS_renameat2)
	KNOWN(SYS_fchmod) KNOWN(SYS_fchown) KNOWN(SYS_utimensat)
	"	b amphora_stub_left\n"
	"1:	mov x17, sp\n"
	"	lsr x17, x17, #12\n"
	"	movz w15, #0x79b1\n"
	"	movk w15, #0x9e37, lsl #16\n"
	"	mul w17, w17, w15\n"
	"	lsr w17, w17, #25\n" /* 0 to FAST_SLOTS_MAX - 1 */
	"	adr x15, amphora_stub_start+" STRING(FAST_SLOTS) "\n"
	"	add x17, x15, x17, lsl #14\n" /* FAST_SLOT_SIZE */
	"	mov w14, #1\n"
	"2:	ldaxr w15, [x17]\n"
	"	cbnz w15, amphora_stub_left\n"
	"	stxr w15, w14, [x17]\n"
	"amphora_stub_tried:\n" /* w15 is 0: it is ours */
	"	cbnz w15, 2b\n"
	"amphora_stub_acquired:\n"
	SAVE(0, 1, 0) SAVE(2, 3, 2) SAVE(4, 5, 4) SAVE(6, 7, 6) SAVE(8, 9, 8) SAVE(10, 11, 10) SAVE(12, 13, 12)
	SAVE(19, 20, 19) SAVE(21, 22, 21) SAVE(23, 24, 23) SAVE(25, 26, 25) SAVE(27, 28, 27)
	"	ldp x14, x15, [sp, #16]\n"
	SAVE(14, 15, 14)
	"	ldp x14, x15, [sp]\n"
	SAVE(14, 15, 16)
	"	mrs x15, nzcv\n"
	"	stp x29, x30, [x17, #" STRING(SLOT_X(29)) "]\n"
	"	str x15, [x17, #" STRING(SLOT_NZCV) "]\n"
	"	add x15, sp, #" STRING(PUSHED) "\n"
	"	str x15, [x17, #" STRING(SLOT_SP) "]\n"
	"	str x16, [x17, #" STRING(SLOT_SITE) "]\n"
	"	str wzr, [x17, #" STRING(SLOT_PHASE) "]\n" /* FAST_BEFORE */
	"	add x15, x17, #" STRING(SLOT_STACK) "\n"
	"	mov sp, x15\n"
	"amphora_stub_switched:\n"
	"	mov x0, x17\n"
	"	bl amphora_stub_call\n"
	"	sub x17, sp, #" STRING(SLOT_STACK) "\n"
	"	ldr x16, [x17, #" STRING(SLOT_SITE) "]\n"
	"	ldr x15, [x17, #" STRING(SLOT_NZCV) "]\n"
	"	msr nzcv, x15\n"
	"	ldr x30, [x17, #" STRING(SLOT_X(30)) "]\n"
	RESTORE(2, 3) RESTORE(4, 5) RESTORE(6, 7) RESTORE(8, 9) RESTORE(10, 11) RESTORE(12, 13)
	"	add x15, x0, #0x7000\n" /* FAST_IS_SLOW: 0 */
	"	cbz x15, amphora_stub_slow\n"
	"	ldr x1, [x17, #" STRING(SLOT_X(1)) "]\n"
	RESTORE_STACK
	"amphora_stub_restored:\n"
	"	stlr wzr, [x17]\n"
	"	add x17, x16, #" STRING(RECORD_LEAVE) "\n"
	"	br x17\n"
	"amphora_stub_slow:\n"
	RESTORE(0, 1)
	RESTORE_STACK
	"amphora_stub_slow_restored:\n"
	"	stlr wzr, [x17]\n"
	"amphora_stub_left:\n"
	"	add x17, x16, #" STRING(RECORD_SLOW) "\n"
	"	br x17\n"
	"amphora_stub_code_end:\n"
	".previous\n");

struct slot {
	uint32_t busy, phase;
	const struct fast_record *site;
	long result;
	long stack;
	long arguments[8];
	uint64_t number;
};

/* Of the call that the site makes. */
SECTION static inline __attribute__((always_inline)) uint32_t slot_number(const struct slot *slot)
{
	return (uint32_t)slot->number;
}

SECTION static inline __attribute__((always_inline)) uint32_t slot_flags(const struct slot *slot)
{
	return slot->site->flags;
}

/* The call that counts. The loader's opens are made by it too. */
__attribute__((section("stub_text"), used, noinline, visibility("hidden"))) long
amphora_stub_make_call(struct slot *slot, long number, long a, long b, long c, long d, long e);

long amphora_stub_make_call(struct slot *slot, long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register struct slot *x9 __asm__("x9") = slot;

	__asm__ volatile("mov w10, #1\n"
			 "str w10, [x9, #4]\n"
			 ".globl amphora_stub_call_at, amphora_stub_call_after, amphora_stub_call_done\n"
			 ".hidden amphora_stub_call_at, amphora_stub_call_after, amphora_stub_call_done\n"
			 "amphora_stub_call_at: svc #0\n"
			 "amphora_stub_call_after: str x0, [x9, #16]\n"
			 "mov w10, #2\n"
			 "str w10, [x9, #4]\n"
			 "amphora_stub_call_done:\n"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9)
			 : "x10", "memory");
	return x0;
}

/* A call that the filter has the tracer look at, who knows it by its address. It fails. */
__attribute__((section("stub_text"), used, noinline, visibility("hidden"))) void amphora_stub_tell(void);

void amphora_stub_tell(void)
{
	register long x8 __asm__("x8") = SYS_chdir;
	register long x0 __asm__("x0") = 0;

	__asm__ volatile("svc #0\n"
			 ".globl amphora_stub_told\n"
			 ".hidden amphora_stub_told\n"
			 "amphora_stub_told:\n"
			 : "+r"(x0)
			 : "r"(x8)
			 : "memory");
}
_Static_assert(offsetof(struct slot, phase) == SLOT_PHASE && offsetof(struct slot, result) == SLOT_RESULT &&
		       offsetof(struct slot, arguments) == SLOT_X(0) && offsetof(struct slot, stack) == SLOT_SP &&
		       offsetof(struct slot, number) == SLOT_X(8) && FAST_CALLS == 1 && FAST_DONE == 2 &&
		       SLOT_PHASE == 4 && SLOT_RESULT == 16 && FAST_IS_SLOW == -0x7000,
	       "the assembly above");

/* The kernel's struct stat. */
struct status {
	uint64_t device, inode;
	uint32_t mode, links, uid, gid;
	uint64_t special, padding, size;
	uint32_t block_size, padding2;
	uint64_t blocks, access, access_ns, modify, modify_ns, change, change_ns, unused;
};

#endif
