// SPDX-License-Identifier: Apache-2.0
/* What the file system of the store can do. All in the private scratch directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/file.h"
#include "probe/check.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

static const struct {
	uint32_t magic;
	const char *name;
} file_systems[] = {
	{0xEF53, "ext4"},         {0xF2F52010, "f2fs"},     {0x9123683E, "btrfs"},
	{0x58465342, "xfs"},      {0x01021994, "tmpfs"},    {0x794C7630, "overlay"},
	{0x6969, "nfs"},          {0x65735546, "fuse"},     {0x2FC12FC1, "zfs"},
	{0xCA451A4E, "bcachefs"}, {0x01021997, "9p"},       {0x0BD00BD0, "lustre"},
	{0x47504653, "gpfs"},     {0x00C36400, "ceph"},     {0x5346414F, "afs"},
	{0xFF534D42, "cifs"},     {0xFE534D42, "smb2"},     {0x4D44, "vfat"},
	{0x2011BAB0, "exfat"},    {0x5DCA2DF5, "sdcardfs"}, {0xF15F, "ecryptfs"},
	{0x858458F6, "ramfs"},    {0x73717368, "squashfs"}, {0xE0F5E1E2, "erofs"},
	{0x7366746E, "ntfs3"},    {0x53464846, "wslfs"},    {0x19830326, "beegfs"},
	{0xAAD7AAEA, "panfs"},    {0x786F4256, "vboxsf"},   {0x3153464A, "jfs"},
};

static void check_file_system(struct probe_context *context)
{
	const char *name = "unknown";
	struct statfs status;

	if (fstatfs(context->scratch_fd, &status) < 0) {
		probe_fails(context, FACT_ID_STORE_FS, errno, "statfs is refused");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(file_systems); i++)
		if (file_systems[i].magic == (uint32_t)status.f_type)
			name = file_systems[i].name;
	probe_works(context, FACT_ID_STORE_FS, (uint32_t)status.f_type, "%s", name);
}

static int make_file(int directory, const char *name, mode_t mode, const char *content)
{
	int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd >= 0 && write(fd, content, strlen(content)) != (ssize_t)strlen(content)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int exec_fd_or_path(int directory, const char *name, int flags)
{
	char *none[] = {NULL};

	syscall(SYS_execveat, directory, name, none, none, flags);
	return errno;
}

struct exec_request {
	int directory;
	const char *name;
	int flags;
};

static int exec_in_child(void *argument)
{
	const struct exec_request *request = argument;

	return exec_fd_or_path(request->directory, request->name, request->flags);
}

/* A file of zeros is no program: ENOEXEC comes after the kernel and the security modules have
 * agreed to execute it, so it is the answer we want. Returns 0 or a positive errno. */
static int may_execute(int directory, const char *name, int flags)
{
	struct exec_request request = {directory, name, flags};
	int code = probe_call_in_child(exec_in_child, &request);

	return code == ENOEXEC ? 0 : code < 0 ? -code : code;
}

static void check_exec(struct probe_context *context)
{
	_cleanup_close_ int fd = make_file(context->scratch_fd, "program", 0700, "no program\n");
	void *page;
	int code;

	if (fd < 0) {
		probe_fails(context, FACT_ID_STORE_EXEC, errno, "can't make a file");
		return;
	}
	page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		probe_fails(context, FACT_ID_STORE_MMAP_EXEC, errno,
			    "mmap with PROT_EXEC is refused: the file system is mounted noexec, or "
			    "a security module forbids it");
	else
		probe_works(context, FACT_ID_STORE_MMAP_EXEC, 0, "%s", "");
	/* As long as the file is open for writing, mapped included, execve answers ETXTBSY. */
	if (page != MAP_FAILED)
		munmap(page, 4096);
	close(steal_fd(&fd));
	code = may_execute(context->scratch_fd, "program", 0);
	if (code)
		probe_fails(context, FACT_ID_STORE_EXEC, code,
			    "execve is refused: the file system is mounted noexec, or a security "
			    "module forbids to execute one's own files");
	else
		probe_works(context, FACT_ID_STORE_EXEC, 0, "%s", "");
}

static void check_links(struct probe_context *context)
{
	_cleanup_close_ int fd = make_file(context->scratch_fd, "file", 0640, "x");
	int directory = context->scratch_fd;
	struct stat status = {0};
	char target[16] = "";

	if (linkat(directory, "file", directory, "link", 0) < 0)
		probe_fails(context, FACT_ID_STORE_HARDLINK, errno,
			    "link is refused; hard links are emulated");
	else if (fstat(fd, &status) < 0 || status.st_nlink != 2)
		probe_fails(context, FACT_ID_STORE_HARDLINK, EPROTO, "a link isn't counted");
	else
		probe_works(context, FACT_ID_STORE_HARDLINK, 0, "%s", "");

	if (symlinkat("target", directory, "symlink") < 0)
		probe_fails(context, FACT_ID_STORE_SYMLINK, errno, "symlink is refused");
	else if (readlinkat(directory, "symlink", target, sizeof(target)) != 6 ||
		 memcmp(target, "target", 6) != 0)
		probe_fails(context, FACT_ID_STORE_SYMLINK, EPROTO, "a symlink is changed");
	else if (fchmod(fd, 0751) < 0 || fstat(fd, &status) < 0 || (status.st_mode & 07777) != 0751)
		probe_fails(context, FACT_ID_STORE_SYMLINK, EPERM,
			    "permission bits aren't kept: this file system can't hold a rootfs");
	else
		probe_works(context, FACT_ID_STORE_SYMLINK, 0, "%s", "");
}

static void check_xattr(struct probe_context *context)
{
	_cleanup_close_ int fd = make_file(context->scratch_fd, "xattr", 0600, "");
	static const char name[] = "user.containers.override_stat", value[] = "0:0:0755";
	char read_back[sizeof(value)] = "";

	if (fsetxattr(fd, name, value, sizeof(value), 0) < 0)
		probe_fails(context, FACT_ID_STORE_XATTR, errno,
			    "refused; ownership is kept in a sidecar file");
	else if (fgetxattr(fd, name, read_back, sizeof(read_back)) != sizeof(value) ||
		 memcmp(read_back, value, sizeof(value)) != 0)
		probe_fails(context, FACT_ID_STORE_XATTR, EPROTO, "a value is changed");
	else
		probe_works(context, FACT_ID_STORE_XATTR, 0, "%s", "");
}

static void check_tmpfile(struct probe_context *context)
{
	_cleanup_close_ int fd =
		openat(context->scratch_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		probe_fails(context, FACT_ID_STORE_TMPFILE, errno,
			    "not on this file system; named temporary files are used");
	else
		probe_works(context, FACT_ID_STORE_TMPFILE, 0, "%s", "");
}

static void check_casefold(struct probe_context *context)
{
	_cleanup_close_ int lower = make_file(context->scratch_fd, "casefold", 0600, "");
	_cleanup_close_ int upper = make_file(context->scratch_fd, "CaseFold", 0600, "");

	if (lower >= 0 && upper < 0 && errno == EEXIST)
		probe_fails(context, FACT_ID_STORE_CASEFOLD, EEXIST,
			    "names that differ in case are one file: a rootfs does not fit");
	else if (lower < 0 || upper < 0)
		probe_fails(context, FACT_ID_STORE_CASEFOLD, errno, "can't make a file");
	else
		probe_works(context, FACT_ID_STORE_CASEFOLD, 0, "%s", "");
}

static void check_store(struct probe_context *context, const struct probe_check *check)
{
	if (context->scratch_fd < 0) {
		probe_fails(context, FACT_ID_STORE, context->store_error, "can't write to %.200s",
			    context->store);
		probe_rest_fails(context, check, context->store_error, "needs the store");
		return;
	}
	probe_works(context, FACT_ID_STORE, 0, "%s", context->store);
	check_file_system(context);
	check_exec(context);
	check_links(context);
	check_xattr(context);
	check_tmpfile(context);
	check_casefold(context);
}

/* The program that a memfd holds: as the store's, no program at all. */
static void check_memfd_exec(struct probe_context *context, const struct probe_check *check)
{
	const enum fact_id fact = check->facts[0];
	_cleanup_close_ int fd =
		(int)syscall(SYS_memfd_create, "amphora-probe", MFD_CLOEXEC | MFD_EXEC);
	int code;

	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_memfd_create, "amphora-probe", MFD_CLOEXEC);
	if (fd < 0) {
		probe_fails(context, fact, errno, "memfd_create is refused (vm.memfd_noexec?)");
		return;
	}
	if (write(fd, "no program\n", 11) != 11) {
		probe_fails(context, fact, errno, "a memfd can't be written");
		return;
	}
	code = may_execute(fd, "", AT_EMPTY_PATH);
	if (code)
		probe_fails(context, fact, code, "execveat of a memfd is refused");
	else
		probe_works(context, fact, 0, "%s", "");
}

const struct probe_check probe_store_checks[] = {
	{check_store,
	 PROBE_FACTS(FACT_ID_STORE, FACT_ID_STORE_FS, FACT_ID_STORE_EXEC, FACT_ID_STORE_MMAP_EXEC,
		     FACT_ID_STORE_HARDLINK, FACT_ID_STORE_SYMLINK, FACT_ID_STORE_XATTR,
		     FACT_ID_STORE_TMPFILE, FACT_ID_STORE_CASEFOLD),
	 0, NULL},
	{check_memfd_exec, PROBE_FACTS(FACT_ID_MEMFD_EXEC), 0, NULL},
	{0},
};
