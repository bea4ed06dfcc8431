// SPDX-License-Identifier: Apache-2.0
/* Life of tracees and of the objects they share. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "ptrace_backend/fast.h"
#include "ptrace_backend/guest_filter.h"
#include "ptrace_backend/guest_trace.h"
#include "ptrace_backend/sysvipc.h"
#include "ptrace_backend/tracer.h"

static struct tracee **bucket(struct tracer *tracer, pid_t tid)
{
	return &tracer->hash[(unsigned)tid % TRACER_HASH];
}

struct tracee *tracer_find(struct tracer *tracer, pid_t tid)
{
	struct tracee *tracee = *bucket(tracer, tid);

	while (tracee && tracee->tid != tid)
		tracee = tracee->hash_next;
	return tracee;
}

static void hash_insert(struct tracee *tracee)
{
	struct tracee **head = bucket(tracee->tracer, tracee->tid);

	tracee->hash_next = *head;
	*head = tracee;
}

static void hash_remove(struct tracee *tracee)
{
	struct tracee **at = bucket(tracee->tracer, tracee->tid);

	while (*at && *at != tracee)
		at = &(*at)->hash_next;
	if (*at)
		*at = tracee->hash_next;
}

static struct tracee_mm *mm_new(struct tracer *tracer)
{
	struct tracee_mm *mm = talloc(tracer, struct tracee_mm);

	if (mm) {
		memset(mm, 0, offsetof(struct tracee_mm, exe) + 1);
		mm->references = 1;
		mm->mem_fd = -1;
	}
	return mm;
}

static unsigned *running(struct tracer *tracer, ino_t inode)
{
	return &tracer->running[inode % TRACER_RUNNING];
}

static void count_program(struct tracer *tracer, ino_t inode, int more)
{
	unsigned *count = running(tracer, inode);

	*count += (unsigned)more;
	fast_program_runs(tracer, inode, *count > 0);
}

void tracee_set_program(struct tracee *tracee, const struct stat *program)
{
	tracee->mm->exe_device = program->st_dev;
	tracee->mm->exe_inode = program->st_ino;
	count_program(tracee->tracer, program->st_ino, 1);
}

bool tracer_runs(const struct tracer *tracer, const struct stat *file)
{
	if (!tracer->running[file->st_ino % TRACER_RUNNING])
		return false;
	for (size_t i = 0; i < TRACER_HASH; i++)
		for (const struct tracee *at = tracer->hash[i]; at; at = at->hash_next)
			if (at->mm && at->mm->exe_inode == file->st_ino &&
			    at->mm->exe_device == file->st_dev)
				return true;
	return false;
}

static void mm_release(struct tracee *tracee)
{
	struct tracee_mm *mm = tracee->mm;

	tracee->mm = NULL;
	if (!mm || --mm->references > 0)
		return;
	if (mm->exe_inode)
		count_program(tracee->tracer, mm->exe_inode, -1);
	ipc_mm_released(mm, tracee->tgid);
	fast_sites_release(mm->fast_sites);
	tracee_close_mem(mm, tracee->tracer);
	talloc_free(mm);
}

static void fs_release(struct tracee *tracee)
{
	struct tracee_fs *fs = tracee->fs;

	tracee->fs = NULL;
	if (fs && --fs->references == 0)
		talloc_free(fs);
}

struct tracee *tracee_new(struct tracer *tracer, pid_t tid)
{
	struct tracee *tracee = talloc_zero(tracer, struct tracee);

	if (!tracee)
		return NULL;
	tracee->tracer = tracer;
	tracee->tid = tracee->tgid = tid;
	tracee->slot = SCRATCH_NO_SLOT;
	tracee->cpu = -1;
	hash_insert(tracee);
	tracer->tracee_count++;
	return tracee;
}

static struct tracee_fs *fs_copy(struct tracer *tracer, const struct tracee_fs *from)
{
	struct tracee_fs *fs = talloc(tracer, struct tracee_fs);

	if (!fs)
		return NULL;
	if (from) {
		memcpy(fs, from, offsetof(struct tracee_fs, root.rel) + from->root.length + 1);
	} else {
		fs->round = 0;
		path_table_root(tracer->table, &fs->root);
		fs->cwd_mount = -1;
	}
	fs->references = 1;
	return fs;
}

/* The child of fork has the same scratch area at the same address, with pages of its own; it is the
 * only thread there, so every slot but its parent's copy is free. */
static struct tracee_mm *mm_copy(struct tracer *tracer, const struct tracee_mm *from)
{
	struct tracee_mm *mm = mm_new(tracer);

	if (!mm || !from)
		return mm;
	memcpy(mm, from, offsetof(struct tracee_mm, exe) + strlen(from->exe) + 1);
	mm->references = 1;
	if (mm->exe_inode)
		count_program(tracer, mm->exe_inode, 1);
	mm->mem_fd = -1;
	fast_sites_share(mm->fast_sites);
	memset(mm->slots_used, 0, sizeof(mm->slots_used));
	mm->shared_used = 0;
	return mm;
}

void tracee_inherit(struct tracee *child, struct tracee *parent, uint64_t clone_flags)
{
	struct tracer *tracer = child->tracer;

	fs_release(child);
	mm_release(child);
	if (parent && (clone_flags & CLONE_FS)) {
		child->fs = parent->fs;
		child->fs->references++;
	} else {
		child->fs = fs_copy(tracer, parent ? parent->fs : NULL);
	}
	if (parent && (clone_flags & CLONE_VM)) {
		child->mm = parent->mm;
		child->mm->references++;
	} else {
		child->mm = mm_copy(tracer, parent ? parent->mm : NULL);
		if (parent && child->mm)
			ipc_mm_copied(child->mm, parent->tgid);
	}
	if (!parent)
		return;
	child->tgid = clone_flags & CLONE_THREAD ? parent->tgid : child->tid;
	child->parent = parent->tgid;
	child->credentials = parent->credentials;
	child->names_filtered = parent->names_filtered;
	guest_filter_inherit(child, parent);
	namespaces_inherit(child, parent);
	namespaces_adopt(child, &parent->made, true);
	ipc_inherit(child, parent, clone_flags);
	child->affinity_chosen = parent->affinity_chosen;
	memcpy(child->affinity, parent->affinity, sizeof(child->affinity));
	child->cpu = parent->cpu; /* the kernel copied the real mask */
	child->last_stop = parent->last_stop;
}

void tracee_unshare_fs(struct tracee *tracee)
{
	struct tracee_fs *fs;

	if (tracee->fs->references == 1)
		return;
	fs = fs_copy(tracee->tracer, tracee->fs);
	if (!fs)
		return;
	fs_release(tracee);
	tracee->fs = fs;
}

int tracee_new_mm(struct tracee *tracee)
{
	struct tracee_mm *mm = mm_new(tracee->tracer);

	if (!mm)
		return -ENOMEM;
	mm->fast_listing = tracee->mm && tracee->mm->fast_listing;
	tracee_release_slot(tracee);
	mm_release(tracee);
	tracee->mm = mm;
	tracee_unshare_fs(tracee);
	return 0;
}

void tracee_rename(struct tracee *tracee, pid_t tid)
{
	hash_remove(tracee);
	tracee->tid = tracee->tgid = tid;
	hash_insert(tracee);
}

void tracee_free(struct tracee *tracee)
{
	fast_call_over(tracee);
	guest_trace_release(tracee);
	ipc_tracee_ends(tracee);
	guest_filter_release(tracee);
	if (tracee->mm)
		tracee_release_slot(tracee);
	hash_remove(tracee);
	namespaces_release(tracee, &tracee->namespaces);
	namespaces_release(tracee, &tracee->made);
	tracee->tracer->tracee_count--;
	mm_release(tracee);
	fs_release(tracee);
	talloc_free(tracee);
}
