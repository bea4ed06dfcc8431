// SPDX-License-Identifier: Apache-2.0
/* Which image the kernel executes for a guest's program, and where things are in it.
 *
 * Theory of operation
 *
 *   from \ to         a 64-bit program           a 32-bit program
 *   64-bit process    amphora's own path,        VIEW/loader32
 *                     or /proc/thread-self/exe
 *   32-bit process    amphora's own path,        VIEW/loader32
 *                     or VIEW/amphora
 *
 * Amphora's own path can't serve when the file has been replaced meanwhile, and where a guest process may be
 * a user who can't walk there, as its directories' modes say. /proc/thread-self/exe is amphora in every 64-bit
 * guest process, whatever directory it lies in (/proc/self is the leader's, who may have ended before this thread), but
 * for each new process the kernel has to make four entries of /proc: 80 us of an exec. In a 32-bit process that
 * link is the 32-bit loader, hence a copy of amphora. It and the 32-bit loader are written to the view directory
 * when they are first needed.
 *
 * Our own image: the loader is a section of it, the load script goes into an object of ours. The 32-bit
 * loader: its entry is where the process stands at the exec event, the script fills its writable
 * segment.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/page.h"
#include "ptrace_backend/carrier.h"
#include "ptrace_backend/tracer.h"

#define SELF_EXE "/proc/self/exe"

extern const char __start_loader_text[], __stop_loader_text[];
/* In the loader's section; only its address is used here. */
void amphora_loader(long result, const struct load_script *script);

/* Our own image, at this process's addresses. */
static struct {
	uint64_t phdr;		     /* AT_PHDR here */
	uint64_t entry;		     /* AT_ENTRY */
	struct load_range ranges[LOAD_RANGES_MAX]; /* the segments */
	unsigned count;
	struct load_range interpreter[LOAD_RANGES_MAX]; /* our own ld.so's, relative to AT_BASE */
	unsigned interpreter_count;  /* 0 when linked statically */
	char path[PATH_SIZE];
	struct stat status;
	bool open_to_all; /* whoever a process becomes, it can execute the path */
} own;

/* Where the segments of a mapped image lie; returns how many. What lies between them isn't ours: on
 * aarch64 segments are 64 KiB apart, and the kernel puts the vDSO there. */
static unsigned image_ranges(const Elf64_Ehdr *elf, uint64_t base, struct load_range *ranges)
{
	const Elf64_Phdr *headers = (const void *)((const char *)elf + elf->e_phoff);
	unsigned count = 0;

	for (unsigned i = 0; i < elf->e_phnum && count < LOAD_RANGES_MAX; i++) {
		uint64_t end = headers[i].p_vaddr + headers[i].p_memsz;

		if (headers[i].p_type != PT_LOAD)
			continue;
		if (count && ranges[count - 1].end == base + page_down(headers[i].p_vaddr)) {
			ranges[count - 1].end = base + page_up(end);
			continue;
		}
		ranges[count].start = base + page_down(headers[i].p_vaddr);
		ranges[count++].end = base + page_up(end);
	}
	return count;
}

/* As the modes say of all that isn't the owner's or the group's, from the root to the file. */
static bool is_open_to_all(const char *file)
{
	char path[PATH_SIZE];
	struct stat status;

	snprintf(path, sizeof(path), "%s", file);
	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		*end = '\0';
		if (stat(path[0] ? path : "/", &status) < 0 || !(status.st_mode & S_IXOTH) ||
		    (!S_ISDIR(status.st_mode) && !(status.st_mode & S_IROTH)))
			return false;
	}
	return true;
}

int carrier_init(struct error *err)
{
	const Elf64_Ehdr *elf;
	uint64_t base = getauxval(AT_BASE);
	ssize_t length;

	own.phdr = getauxval(AT_PHDR);
	own.entry = getauxval(AT_ENTRY);
	elf = (const void *)(uintptr_t)page_down(own.phdr);
	if (!own.phdr || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
		return error_plain(err, "amphora's own program headers are not in its first page");
	own.count = image_ranges(elf, (uintptr_t)elf, own.ranges);
	if (base)
		own.interpreter_count =
			image_ranges((const void *)(uintptr_t)base, 0, own.interpreter);
	length = readlink(SELF_EXE, own.path, sizeof(own.path) - 1);
	if (length < 0 || stat(SELF_EXE, &own.status) < 0)
		return error_set(err, errno, SELF_EXE);
	own.path[length] = '\0';
	own.open_to_all = is_open_to_all(own.path);
	return 0;
}

bool exec_is_static(void)
{
	return own.interpreter_count == 0;
}

static size_t compat_size(void)
{
	return (size_t)((uintptr_t)amphora_compat_loader_end - (uintptr_t)amphora_compat_loader);
}

unsigned carrier_compat_machine(void)
{
	return compat_size() >= sizeof(Elf32_Ehdr) ? ARCH_COMPAT_MACHINE : 0;
}

/* Paths */

/* Makes VIEW/NAME of these bytes, or without any of our own binary. Returns 0 or -errno. */
static int make_file(const char *path, const char *bytes, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0555);
	_cleanup_close_ int from = -EBADF;
	int error = 0;

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	if (bytes) {
		error = file_write_fd(fd, bytes, size);
	} else {
		off_t offset = 0;

		from = open(SELF_EXE, O_RDONLY | O_CLOEXEC);
		while (from >= 0 && offset < own.status.st_size)
			if (sendfile(fd, from, &offset, (size_t)(own.status.st_size - offset)) <= 0)
				break;
		if (offset != own.status.st_size)
			error = -EIO;
	}
	if (!error && fchmod(fd, 0555) < 0) /* whatever the umask */
		error = -errno;
	if (error)
		unlink(path);
	return error;
}

static int view_file(const struct tracee *tracee, const char *name, const char *bytes, size_t bytes_size,
		     char *path, size_t size)
{
	const char *directory = tracee->tracer->view_directory;
	struct statvfs fs;
	int error;

	if (snprintf(path, size, "%s/%s", directory, name) >= (int)size)
		return -ENAMETOOLONG;
	error = make_file(path, bytes, bytes_size);
	if (!error && statvfs(directory, &fs) == 0 && (fs.f_flag & ST_NOEXEC)) {
		log_debug("%s is mounted noexec: no 32-bit programs", directory);
		error = -ENOEXEC;
	}
	return error;
}

/* Amphora's own path, where every guest process can be expected to reach it. */
static bool own_path_serves(const struct tracee *tracee)
{
	struct stat status;

	return (tracee->tracer->fake_ids || geteuid() != 0 || own.open_to_all) && stat(own.path, &status) == 0 &&
	       file_is_same(&status, &own.status);
}

int carrier_path(const struct tracee *tracee, bool compat, char *path, size_t size)
{
	if (compat)
		return view_file(tracee, "loader32", amphora_compat_loader, compat_size(), path, size);
	if (own_path_serves(tracee))
		return snprintf(path, size, "%s", own.path) < (int)size ? 0 : -ENAMETOOLONG;
	if (!tracee->mm->compat)
		return snprintf(path, size, "/proc/thread-self/exe") < (int)size ? 0 : -ENAMETOOLONG;
	return view_file(tracee, "amphora", NULL, 0, path, size);
}

/* Places */

/* Our AT_PHDR and AT_BASE in the new process. */
static int read_auxv(const struct tracee *tracee, uint64_t *ret_phdr, uint64_t *ret_base)
{
	char path[64];
	uint64_t auxv[128];
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)tracee->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, auxv, sizeof(auxv));
	*ret_phdr = *ret_base = 0;
	for (size_t i = 0; n > 0 && i + 1 < (size_t)n / sizeof(auxv[0]) && auxv[i]; i += 2) {
		if (auxv[i] == AT_PHDR)
			*ret_phdr = auxv[i + 1];
		else if (auxv[i] == AT_BASE)
			*ret_base = auxv[i + 1];
	}
	return *ret_phdr ? 0 : -EIO;
}

static void add_ranges(struct carrier *carrier, const struct load_range *ranges, unsigned count,
		       uint64_t shift)
{
	for (unsigned i = 0; i < count; i++) {
		struct load_range *range = &carrier->unmap[carrier->unmap_count++];

		range->start = ranges[i].start + shift;
		range->end = ranges[i].end + shift;
	}
}

static int locate_own(const struct tracee *tracee, const void *script, struct carrier *carrier)
{
	uint64_t phdr, base = 0, shift;
	int error;

	/* Linked statically the process stands at our entry; else at our ld.so's. */
	if (exec_is_static()) {
		struct registers regs = tracee->regs;

		shift = registers_program_counter(&regs) - own.entry;
	} else {
		error = read_auxv(tracee, &phdr, &base);
		if (error)
			return error;
		shift = phdr - own.phdr;
	}
	carrier->shift = shift;
	carrier->loader = (uintptr_t)amphora_loader + shift;
	carrier->script = (uintptr_t)script + shift;
	carrier->keep_start = page_down((uintptr_t)__start_loader_text) + shift;
	carrier->keep_end = page_up((uintptr_t)__stop_loader_text) + shift;
	add_ranges(carrier, own.ranges, own.count, shift);
	if (base)
		add_ranges(carrier, own.interpreter, own.interpreter_count, base);
	return 0;
}

static int locate_compat(const struct tracee *tracee, struct carrier *carrier)
{
	const Elf32_Ehdr *elf = (const void *)amphora_compat_loader;
	const Elf32_Phdr *headers = (const void *)(amphora_compat_loader + elf->e_phoff);
	struct registers regs = tracee->regs;
	uint64_t bias;

	if (!carrier_compat_machine())
		return -ENOEXEC;
	carrier->loader = registers_program_counter(&regs);
	bias = carrier->loader - (elf->e_entry & ~1u);
	for (unsigned i = 0; i < elf->e_phnum && carrier->unmap_count < LOAD_RANGES_MAX; i++) {
		struct load_range range = {
			.start = bias + page_down(headers[i].p_vaddr),
			.end = bias + page_up((uint64_t)headers[i].p_vaddr + headers[i].p_memsz),
		};

		if (headers[i].p_type != PT_LOAD)
			continue;
		if (headers[i].p_flags & PF_X) {
			carrier->keep_start = range.start;
			carrier->keep_end = range.end;
		} else {
			carrier->unmap[carrier->unmap_count++] = range;
		}
		if (headers[i].p_flags & PF_W)
			carrier->script = bias + ((headers[i].p_vaddr + 15) & ~15u);
	}
	return carrier->script && carrier->keep_start ? 0 : -ENOEXEC;
}

int carrier_locate(const struct tracee *tracee, bool compat, const void *script,
		   struct carrier *ret_carrier)
{
	memset(ret_carrier, 0, sizeof(*ret_carrier));
	return compat ? locate_compat(tracee, ret_carrier) :
			locate_own(tracee, script, ret_carrier);
}
