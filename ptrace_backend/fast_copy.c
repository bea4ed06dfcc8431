// SPDX-License-Identifier: Apache-2.0
/* Which libraries are worth a copy, and what has become of the files that they were made of.
 *
 * Theory of operation
 *
 * A short program pays a stop for each of its first calls, and is over before its sites are patched. But all
 * programs have their first calls at the same few sites of the same few files. So stops are counted by what a site
 * has in common in all processes, its number and its place within a page; one that comes often is looked up in
 * the process's maps and noted for its file. After some execs more the file is copied with all of its noted sites
 * patched (fast_copy_edit.c), and from then on the loader maps the copy of an interpreter, and the stub opens the
 * copy of a library when it's the interpreter that asks (its copy's records say so). What the guest reads of
 * a library is the original.
 *
 * An original is known by device, inode, size and times, and looked at at every exec. Nothing is noted that can't be
 * in a copy: an original that a tracee can map is one that it can read, and the copy has its bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/page.h"
#include "ptrace_backend/exec_job.h"
#include "ptrace_backend/fast_area.h"
#include "ptrace_backend/fast_copy.h"
#include "ptrace_backend/fast_internal.h"
#include "ptrace_backend/tracer.h"

#define HOT_MAX	      256
#define HOT_CALLS     8	   /* stops that make a site worth a look */
#define TEXTS_MAX     FAST_COPIES_MAX
#define EXECS_BEFORE  8	   /* between a site's being noted and the copy */
#define COPIES_MADE   16   /* of all files: each takes its size in the runtime directory */
#define ORIGINAL_MAX  (8U << 20)
#define PERMISSIONS   0444

struct text {
	struct stat original;
	const char *host; /* path of the original, NULL: free */
	const char *copy; /* path of the copy; NULL: there is none */
	bool is_interpreter;
	struct load_object object; /* what the loader maps of it */
	unsigned count, copied, in_copy; /* sites: noted, tried to copy, and in the copy that there is */
	uint64_t due;	/* the exec at which a copy is made */
	struct fast_copy_site sites[FAST_COPY_SITES];
};

struct fast_copies {
	struct {
		uint32_t key, calls;
	} hot[HOT_MAX];
	struct text texts[TEXTS_MAX];
	unsigned count;
	/* Copies that there have been: processes may have them mapped. */
	struct {
		const char *copy, *host;
		struct stat original;
	} names[COPIES_MADE];
	unsigned made;
	uint64_t execs;
	bool off; /* the runtime directory is mounted noexec, or full */
};

static struct fast_copies *copies_of(struct fast *fast)
{
	if (!fast->copies)
		fast->copies = talloc_zero(fast, struct fast_copies);
	return fast->copies;
}

static bool is_original(const struct text *text, const struct stat *status)
{
	return file_is_unchanged(&text->original, status);
}

/* Nobody reads it until its version is even again. Returns the version that it has now. */
static uint32_t withdraw(struct fast_copy *copy)
{
	uint32_t version = copy->version | 1;

	__atomic_store_n(&copy->version, version, __ATOMIC_SEQ_CST);
	return version;
}

/* The library's place in the shared table: texts and copies have the same indices. */
static void publish(struct fast *fast, unsigned index)
{
	const struct text *text = &fast->copies->texts[index];
	struct fast_copy *copy = &fast->shared->copies[index];
	size_t length = strlen(text->host);
	uint32_t version = withdraw(copy);

	/* musl's is the C library as well, whose records are all the interpreter's: it would open the copy of itself
	 * for anyone who reads it. */
	if (!text->copy || text->is_interpreter || length >= sizeof(copy->original))
		return;
	memcpy(copy->original, text->host, length + 1);
	memcpy(copy->copy, text->copy, strlen(text->copy) + 1);
	copy->length = (uint32_t)length;
	copy->hash = fast_hash_text(text->host, length);
	__atomic_store_n(&copy->version, version + 1, __ATOMIC_SEQ_CST);
}

static void forget(struct fast *fast, struct text *text)
{
	if (text->copy)
		unlink(text->copy);
	fast->counts->copied -= text->in_copy;
	memset(text, 0, sizeof(*text));
	withdraw(&fast->shared->copies[text - fast->copies->texts]);
}

/* Notes */

struct mapping {
	uint64_t start, offset;
	dev_t device;
	ino_t inode;
	char host[PATH_SIZE];
};

/* The file that is mapped as text at an address. */
static bool find_mapping(const struct tracee *tracee, uint64_t address, struct mapping *mapping)
{
	char path[64], line[PATH_SIZE + 128], permissions[8];
	uint64_t start, end, offset, inode;
	unsigned high, low;
	_cleanup_fclose_ FILE *maps = NULL;
	int name;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tracee->tid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n", &start, &end,
			   permissions, &offset, &high, &low, &inode, &name) != 7 ||
		    address < start || address >= end)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(permissions, "r-xp") != 0 || line[name] != '/')
			return false;
		*mapping = (struct mapping){ .start = start, .offset = offset, .device = makedev(high, low),
					     .inode = inode };
		snprintf(mapping->host, sizeof(mapping->host), "%s", line + name);
		return true;
	}
	return false;
}

/* The mapped file by its name, which may lead elsewhere by now, and to something that mustn't be opened: an O_PATH fd,
 * or -errno. */
static int find_file(const char *host, dev_t device, ino_t inode, struct stat *ret_status)
{
	_cleanup_close_ int found = open(host, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (found < 0 || fstat(found, ret_status) < 0)
		return -errno;
	if (ret_status->st_dev != device || ret_status->st_ino != inode || !S_ISREG(ret_status->st_mode) ||
	    ret_status->st_size > ORIGINAL_MAX)
		return -ENOEXEC;
	return steal_fd(&found);
}

static struct text *find_text(struct fast_copies *copies, const struct stat *status)
{
	for (unsigned i = 0; i < copies->count; i++)
		if (copies->texts[i].host && is_original(&copies->texts[i], status))
			return &copies->texts[i];
	return NULL;
}

static struct text *add_text(struct fast_copies *copies, const char *host, const struct stat *status)
{
	struct text *text = NULL;

	for (unsigned i = 0; i < copies->count && !text; i++)
		if (!copies->texts[i].host)
			text = &copies->texts[i];
	if (!text && copies->count < TEXTS_MAX)
		text = &copies->texts[copies->count++];
	if (!text)
		return NULL;
	*text = (struct text){ .original = *status, .host = talloc_strdup(copies, host) };
	return text->host ? text : NULL;
}

static void note(struct tracee *tracee, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	struct fast_copies *copies = fast->copies;
	struct mapping mapping;
	struct stat status;
	struct text *text;
	uint64_t offset;
	int fd;

	if (!find_mapping(tracee, after - 1, &mapping) || fast_copy_original(tracee->tracer, mapping.host, NULL))
		return;
	/* Of a program nobody opens a copy. */
	if (mapping.device == tracee->mm->exe_device && mapping.inode == tracee->mm->exe_inode)
		return;
	fd = find_file(mapping.host, mapping.device, mapping.inode, &status);
	if (fd < 0)
		return;
	close(fd);
	text = find_text(copies, &status);
	if (!text)
		text = add_text(copies, mapping.host, &status);
	if (!text || text->count == FAST_COPY_SITES)
		return;
	offset = mapping.offset + (after - mapping.start);
	for (unsigned i = 0; i < text->count; i++)
		if (text->sites[i].after == offset)
			return;
	text->sites[text->count++] = (struct fast_copy_site){ offset, (uint32_t)tracee->regs.number };
	text->due = copies->execs + EXECS_BEFORE;
}

void fast_copy_seen(struct tracee *tracee, uint64_t after)
{
	struct fast *fast = tracee->tracer->fast;
	struct fast_copies *copies = copies_of(fast);
	uint32_t key = (uint32_t)(after & (page_size() - 1)) | (uint32_t)tracee->regs.number << 16;
	unsigned slot = (unsigned)(fast_mix(key) % HOT_MAX);

	if (!copies || copies->off)
		return;
	if (copies->hot[slot].key != key) {
		copies->hot[slot].key = key;
		copies->hot[slot].calls = 0;
	}
	if (++copies->hot[slot].calls % HOT_CALLS == 0 && copies->hot[slot].calls <= 8 * HOT_CALLS)
		note(tracee, after);
}

/* Copies */

/* Writes it, and sees whether the kernel will map it. Returns 0 or -errno. */
static int write_copy(const char *path, const uint8_t *bytes, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PERMISSIONS);
	void *mapped;
	int error;

	if (fd < 0)
		return -errno;
	error = fchmod(fd, PERMISSIONS) < 0 ? -errno : file_write_fd(fd, bytes, size);
	if (!error) {
		mapped = mmap(NULL, page_size(), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		error = mapped == MAP_FAILED ? -errno : 0;
		if (!error)
			munmap(mapped, page_size());
	}
	if (error)
		unlink(path);
	return error;
}

static ssize_t read_bytes(void *context, void *buffer, size_t size, uint64_t offset)
{
	const struct iovec *bytes = context;

	if (offset >= bytes->iov_len)
		return 0;
	if (size > bytes->iov_len - offset)
		size = bytes->iov_len - offset;
	memcpy(buffer, (const char *)bytes->iov_base + offset, size);
	return (ssize_t)size;
}

/* Reads all of an original, which may change meanwhile. Returns 0 or -errno. */
static int read_original(const struct text *text, uint8_t *bytes)
{
	struct stat status;
	_cleanup_close_ int found = find_file(text->host, text->original.st_dev, text->original.st_ino, &status);
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	off_t done = 0, size = text->original.st_size;

	if (found < 0)
		return found;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t n = pread(fd, bytes + done, (size_t)(size - done), done);

		if (n <= 0)
			return -EIO;
		done += n;
	}
	return fstat(fd, &status) == 0 && is_original(text, &status) ? 0 : -ESTALE;
}

static int make_copy(struct tracer *tracer, struct text *text)
{
	struct fast_copies *copies = tracer->fast->copies;
	size_t size_before = (size_t)text->original.st_size;
	size_t room = size_before + (2U << 20) + (size_t)FAST_COPY_SITES * FAST_SITE_SIZE;
	struct fast_copy_context context = { tracer->fast, text->is_interpreter ? FAST_SITE_OPENS_COPIES : 0 };
	uint8_t *bytes = talloc_zero_size(copies, room);
	struct elf_image *image = talloc(bytes, struct elf_image);
	struct iovec copy = { bytes, 0 };
	char *path;
	ssize_t size;
	int error;

	if (!bytes || !image)
		return -ENOMEM;
	error = read_original(text, bytes);
	size = error ? error : fast_copy_edit(bytes, size_before, room, text->sites, text->count,
					      fast_patch_copy, &context);
	path = talloc_asprintf(copies, "%s/text-%u", tracer->view_directory, copies->made);
	copy.iov_len = size < 0 ? 0 : (size_t)size;
	if (size < 0 || !path || strlen(path) >= FAST_COPY_PATH)
		error = size < 0 ? (int)size : -ENOMEM;
	else
		error = elf_image_parse(read_bytes, &copy, ARCH_ELF_MACHINE, 0, page_size(), image);
	if (!error) {
		error = write_copy(path, bytes, copy.iov_len);
		copies->off = error != 0;
	}
	if (!error) {
		if (text->copy)
			unlink(text->copy);
		tracer->fast->counts->copies++;
		text->copy = path;
		text->object = image->object;
		tracer->fast->has_copies = true;
		copies->names[copies->made].copy = path;
		copies->names[copies->made].host = text->host;
		copies->names[copies->made++].original = text->original;
	}
	log_debug("fast path: copy of %s, %u sites: %s", text->host, text->count, strerror(-error));
	talloc_free(bytes);
	return error;
}

/* What is no longer the original. */
static void forget_replaced(struct fast *fast)
{
	struct stat status;

	for (unsigned i = 0; i < fast->copies->count; i++) {
		struct text *text = &fast->copies->texts[i];

		if (text->host && (lstat(text->host, &status) < 0 || !is_original(text, &status)))
			forget(fast, text);
	}
}

static void make_due(struct tracer *tracer)
{
	struct fast_copies *copies = tracer->fast->copies;

	copies->execs++;
	for (unsigned i = 0; i < copies->count; i++) {
		struct text *text = &copies->texts[i];

		if (!text->host || text->copied == text->count || copies->execs < text->due ||
		    copies->made >= COPIES_MADE)
			continue;
		if (make_copy(tracer, text) == 0) {
			tracer->fast->counts->copied += text->count - text->in_copy;
			text->in_copy = text->count;
		}
		text->copied = text->count;
		publish(tracer->fast, i);
	}
}

static struct text *find_host(struct fast_copies *copies, const char *host)
{
	for (unsigned i = 0; host && i < copies->count; i++)
		if (copies->texts[i].host && !strcmp(copies->texts[i].host, host))
			return &copies->texts[i];
	return NULL;
}

const char *fast_copy_of(struct tracee *tracee, const char *host, struct load_object *ret_object)
{
	struct fast *fast = tracee->tracer->fast;
	struct fast_copies *copies = copies_of(fast);
	struct text *text;

	if (!copies || copies->off)
		return NULL;
	forget_replaced(fast);
	text = find_host(copies, host);
	if (text)
		text->is_interpreter = true;
	make_due(tracee->tracer);
	if (!text || !text->copy)
		return NULL;
	*ret_object = text->object;
	return text->copy;
}

const char *fast_copy_original(const struct tracer *tracer, const char *host, struct stat *ret_status)
{
	static const char deleted[] = " (deleted)";
	const struct fast_copies *copies = tracer->fast ? tracer->fast->copies : NULL;

	for (unsigned i = 0; copies && i < copies->made; i++) {
		size_t length = strlen(copies->names[i].copy);

		if (strncmp(copies->names[i].copy, host, length) != 0 ||
		    (host[length] && strcmp(host + length, deleted) != 0))
			continue;
		if (ret_status)
			*ret_status = copies->names[i].original;
		return copies->names[i].host;
	}
	return NULL;
}
