/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64's part of the stub (stub/stub.c): entry and exit, the call that counts, numbers, struct stat.
 *
 * A patched call site jumps to its record, whose code jumps here with the record in r11. `syscall` destroys
 * rcx and r11, so that these two, rax and the arithmetic flags are ours; everything else is saved in a slot,
 * with a stack of its own, for the program's may be anything: a red zone, a goroutine's, 64 bytes. There is no
 * thread-local storage to find a slot by: it is found by the stack pointer, and taken with an xchg.
 */
#ifndef AMPHORA_ARCH_X86_64_STUB_ARCH_H
#define AMPHORA_ARCH_X86_64_STUB_ARCH_H

#define SYS_stat       4
#define SYS_fstat      5
#define SYS_lstat      6
#define SYS_open       2
#define SYS_access     21
#define SYS_getcwd     79
#define SYS_readlink   89
#define SYS_creat      85
#define SYS_rename     82
#define SYS_mkdir      83
#define SYS_rmdir      84
#define SYS_link       86
#define SYS_unlink     87
#define SYS_symlink    88
#define SYS_chdir      80
#define SYS_openat     257
#define SYS_mkdirat    258
#define SYS_unlinkat   263
#define SYS_renameat   264
#define SYS_linkat     265
#define SYS_symlinkat  266
#define SYS_renameat2  316
#define SYS_fchmod     91
#define SYS_fchown     93
#define SYS_utimensat  280
#define SYS_getxattr   191
#define SYS_lgetxattr  192
#define SYS_fgetxattr  193
#define SYS_flistxattr 196
#define SYS_newfstatat 262
#define SYS_statx      332
#define SYS_faccessat  269
#define SYS_faccessat2 439
#define SYS_readlinkat 267
#define SYS_close      3
#define SYS_wait4      61
#define SYS_waitid     247
#define SYS_getuid     102
#define SYS_getgid     104
#define SYS_geteuid    107
#define SYS_getegid    108

#define O_LARGEFILE 0100000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW  0400000

#define STRING_(x) #x
#define STRING(x)  STRING_(x)
#define SAVE(reg, at)	 "mov %" #reg ", " STRING(at) "(%rcx)\n"
#define RESTORE(reg, at) "mov " STRING(at) "(%rcx), %" #reg "\n"

__asm__(".section stub_text,\"ax\",@progbits\n"
	".balign 16384\n"
	".globl amphora_stub_start, amphora_stub_tried, amphora_stub_acquired, amphora_stub_switched, amphora_stub_restoring\n"
	".globl amphora_stub_restored, amphora_stub_released, amphora_stub_left, amphora_stub_code_end\n"
	".hidden amphora_stub_start, amphora_stub_tried, amphora_stub_acquired, amphora_stub_switched, amphora_stub_restoring\n"
	".hidden amphora_stub_restored, amphora_stub_released, amphora_stub_left, amphora_stub_code_end\n"
	"amphora_stub_start:\n"
	"	mov %rsp, %rcx\n"
	"	shr $12, %rcx\n"
	"	imul $0x9e3779b1, %ecx, %ecx\n"
	"	shr $25, %ecx\n" /* 0 to FAST_SLOTS_MAX - 1 */
	"	shl $14, %ecx\n" /* FAST_SLOT_SIZE */
	"	lea amphora_stub_start+" STRING(FAST_SLOTS) "(%rip), %rax\n"
	"	add %rax, %rcx\n"
	"	mov $1, %eax\n"
	"	xchg %eax, " STRING(SLOT_BUSY) "(%rcx)\n"
	"amphora_stub_tried:\n"
	"	test %eax, %eax\n"
	"	jnz amphora_stub_left\n"
	"amphora_stub_acquired:\n"
	SAVE(rsp, SLOT_RSP) SAVE(rdi, SLOT_RDI) SAVE(rsi, SLOT_RSI) SAVE(rdx, SLOT_RDX) SAVE(r10, SLOT_R10)
	SAVE(r8, SLOT_R8) SAVE(r9, SLOT_R9) SAVE(rbx, SLOT_RBX) SAVE(rbp, SLOT_RBP) SAVE(r12, SLOT_R12)
	SAVE(r13, SLOT_R13) SAVE(r14, SLOT_R14) SAVE(r15, SLOT_R15) SAVE(r11, SLOT_SITE)
	"	movl $" STRING(FAST_BEFORE) ", " STRING(SLOT_PHASE) "(%rcx)\n"
	"	lea " STRING(SLOT_STACK) "(%rcx), %rsp\n"
	"amphora_stub_switched:\n"
	"	mov %rcx, %rdi\n"
	"	call amphora_stub_call\n"
	"	lea -" STRING(SLOT_STACK) "(%rsp), %rcx\n"
	"amphora_stub_restoring:\n"
	RESTORE(rdi, SLOT_RDI) RESTORE(rsi, SLOT_RSI) RESTORE(rdx, SLOT_RDX) RESTORE(r10, SLOT_R10)
	RESTORE(r8, SLOT_R8) RESTORE(r9, SLOT_R9) RESTORE(rbx, SLOT_RBX) RESTORE(rbp, SLOT_RBP)
	RESTORE(r12, SLOT_R12) RESTORE(r13, SLOT_R13) RESTORE(r14, SLOT_R14) RESTORE(r15, SLOT_R15)
	RESTORE(r11, SLOT_SITE) RESTORE(rsp, SLOT_RSP)
	"amphora_stub_restored:\n"
	"	movl $0, " STRING(SLOT_BUSY) "(%rcx)\n"
	"amphora_stub_released:\n"
	"	cmp $" STRING(FAST_IS_SLOW_TEXT) ", %rax\n"
	"	je amphora_stub_left\n"
	"	lea 96(%r11), %rcx\n" /* struct fast_site's leave */
	"	jmp *%rcx\n"
	"amphora_stub_left:\n"
	"	lea 56(%r11), %rcx\n" /* its slow code */
	"	jmp *%rcx\n"
	"amphora_stub_code_end:\n"
	".previous\n");

struct slot {
	uint32_t busy, phase;
	const struct fast_site *site;
	long result;
	long stack;
	long arguments[6];
};

/* Of the call that the site makes. */
SECTION static inline __attribute__((always_inline)) uint32_t slot_number(const struct slot *slot)
{
	return slot->site->number;
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
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register struct slot *r9 __asm__("r9") = slot;
	long result = number;

	__asm__ volatile("movl $1, 4(%%r9)\n"
			 ".globl amphora_stub_call_at, amphora_stub_call_after, amphora_stub_call_done\n"
			 ".hidden amphora_stub_call_at, amphora_stub_call_after, amphora_stub_call_done\n"
			 "amphora_stub_call_at: syscall\n"
			 "amphora_stub_call_after: mov %%rax, 16(%%r9)\n"
			 "movl $2, 4(%%r9)\n"
			 "amphora_stub_call_done:\n"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* A call that the filter has the tracer look at, who knows it by its address. It fails. */
__attribute__((section("stub_text"), used, noinline, visibility("hidden"))) void amphora_stub_tell(void);

void amphora_stub_tell(void)
{
	long result = SYS_chdir;

	__asm__ volatile("syscall\n"
			 ".globl amphora_stub_told\n"
			 ".hidden amphora_stub_told\n"
			 "amphora_stub_told:\n"
			 : "+a"(result)
			 : "D"(0L)
			 : "rcx", "r11", "memory");
}
_Static_assert(offsetof(struct slot, phase) == SLOT_PHASE && offsetof(struct slot, result) == SLOT_RESULT &&
		       offsetof(struct slot, arguments) == SLOT_RDI && offsetof(struct slot, stack) == SLOT_RSP &&
		       FAST_CALLS == 1 && FAST_DONE == 2 && SLOT_PHASE == 4 && SLOT_RESULT == 16,
	       "the assembly above");

/* The kernel's struct stat. */
struct status {
	uint64_t device, inode, links;
	uint32_t mode, uid, gid, padding;
	uint64_t special, size, block_size, blocks, access, access_ns, modify, modify_ns, change, change_ns;
	uint64_t unused[3];
};

#endif
