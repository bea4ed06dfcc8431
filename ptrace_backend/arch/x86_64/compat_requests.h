/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2)'s requests of i386 programs. Included by guest_requests.h.
 *
 * The kernel has them all, for whoever calls by int 0x80: we do. What such a program may see and change of
 * a 32-bit or 64-bit tracee is then decided there, and not a second time by us. The call takes addresses
 * below 4 GiB.
 */
#ifndef AMPHORA_ARCH_X86_64_COMPAT_REQUESTS_H
#define AMPHORA_ARCH_X86_64_COMPAT_REQUESTS_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define I386_PTRACE	  26 /* __NR_ptrace */
#define I386_REGS_SIZE	  68 /* struct user_regs_struct there */
#define I386_FPREGS_SIZE  108
#define I386_FPXREGS_SIZE 512

static inline enum guest_request_kind arch_compat_request(int request, size_t *ret_size)
{
	static const struct {
		int request;
		enum guest_request_kind kind;
		uint16_t size;
	} requests[] = {
		{ 3 /* PTRACE_PEEKUSER */, GUEST_REQUEST_GET, sizeof(uint32_t) },
		{ 6 /* PTRACE_POKEUSER */, GUEST_REQUEST_VALUE, sizeof(uint32_t) },
		{ 12 /* PTRACE_GETREGS */, GUEST_REQUEST_GET, I386_REGS_SIZE },
		{ 13, GUEST_REQUEST_SET, I386_REGS_SIZE },
		{ 14 /* PTRACE_GETFPREGS */, GUEST_REQUEST_GET, I386_FPREGS_SIZE },
		{ 15, GUEST_REQUEST_SET, I386_FPREGS_SIZE },
		{ 18 /* PTRACE_GETFPXREGS */, GUEST_REQUEST_GET, I386_FPXREGS_SIZE },
		{ 19, GUEST_REQUEST_SET, I386_FPXREGS_SIZE },
		{ 25 /* PTRACE_GET_THREAD_AREA */, GUEST_REQUEST_GET, 16 },
		{ 26, GUEST_REQUEST_SET, 16 },
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].request == request) {
			*ret_size = requests[i].size;
			return requests[i].kind;
		}
	return GUEST_REQUEST_NONE;
}

static inline int64_t arch_compat_ptrace(pid_t tid, int request, enum guest_request_kind kind,
					 uint32_t address, void *buffer, size_t size)
{
	static void *low; /* below 4 GiB, COMPAT_REQUEST_MAX bytes */
	uint32_t data = 0;
	int result;

	if (!low) {
		void *page = mmap(NULL, COMPAT_REQUEST_MAX, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

		if (page == MAP_FAILED)
			return -ENOMEM;
		low = page;
	}
	memcpy(low, buffer, size);
	if (kind == GUEST_REQUEST_VALUE)
		memcpy(&data, buffer, size);
	else
		data = (uint32_t)(uintptr_t)low;
	/* Kernels before 4.4 don't keep r8 to r11. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "0"(I386_PTRACE), "b"(request), "c"(tid), "d"(address), "S"(data)
			 : "memory", "cc", "r8", "r9", "r10", "r11");
	memcpy(buffer, low, size);
	return result;
}

static inline int arch_compat_regset(pid_t tid, uint64_t type)
{
	(void)tid;
	(void)type;
	return 0;
}

#endif
