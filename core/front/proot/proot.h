/* SPDX-License-Identifier: Apache-2.0 */
/* PRoot's command line: `proot [option] ... [command]`, as PRoot 5.4 and Termux's PRoot take it.
 *
 * Theory of operation
 *
 *   words --options.c--> request --bindings.c, guest.c--> spec --decide()--> plan --> monitor
 *
 * The words are kept as they come, because the last -r counts and a binding can only be placed when the
 * root is known. guest.c then answers what a guest path means before there is a guest: which
 * place a binding covers, and whether the working directory exists inside.
 */
#ifndef AMPHORA_FRONT_PROOT_H
#define AMPHORA_FRONT_PROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/error.h"
#include "core/model/spec.h"

#define PROOT_PATH_SIZE 4096

/* The whole program. Returns its exit code: the command's, or 1 for our own failure, a command that can't be
 * executed included. */
int proot_main(int argc, char **argv);
/* PRoot's archiver, by its name: refused. */
int care_main(int argc, char **argv);

/* One -b, -r or a default of -R and -S. */
struct proot_binding {
	const char *host;  /* canonical host path */
	const char *guest; /* absolute, as asked; "/": the root */
	bool no_follow;	   /* "!": don't follow a symlink at the guest's place */
};

struct proot_request {
	struct spec *spec;
	struct proot_binding *bindings; /* in the order given */
	size_t binding_count;
	const char *cwd;		/* -w; NULL: where we are */
	const char *kernel;		/* -k */
	const char *ids;		/* -i, -0, -S: "U:G" */
	struct port_map *ports;		/* -p, -n; NULL: none */
	struct emulator *emulator;	/* -q; NULL: none */
	bool emulate_all;		/* --mixed-mode: -q for the host's own programs, too */
	bool ignore_missing;		/* PROOT_IGNORE_MISSING_BINDINGS */
	bool make_no_places;		/* PROOT_DONT_POLLUTE_ROOTFS */
};

/* notes.c: what PRoot says on stderr, "proot warning: …". Nothing but errors below level 0. */
void proot_set_verbosity(int level);
int proot_verbosity(void);
void proot_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void proot_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void proot_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* proot_options.c: reads argv. *ret_index is the first word of the command (argc: none). Returns 0; 1
 * when help or the version was asked for and printed; -EINVAL with err. */
int proot_options_parse(struct proot_request *request, int argc, char **argv, int *ret_index,
			struct error *err);
/* PRoot's usage; `detailed` also names every alias. */
void proot_usage(bool detailed);
/* Mentions PROOT_* variables that mean nothing here, once, at -v 1. */
void proot_options_explain_environment(void);

/* kernel.c: -k, a release or \sysname\nodename\release\version\machine\domainname\hwcap\. */
int proot_parse_kernel(struct spec *spec, const char *text, struct error *err);

/* bindings.c. Each adds what it names to the request. A source that doesn't exist is a warning when
 * `must_exist`, and left out. */
int proot_bind(struct proot_request *request, const char *host, const char *guest, bool must_exist,
	       struct error *err);
int proot_bind_recommended(struct proot_request *request, const char *path, struct error *err);
int proot_bind_recommended_su(struct proot_request *request, const char *path, struct error *err);
/* Root, mounts and working directory of the spec, once all words are read. */
int proot_complete_spec(struct proot_request *request, struct error *err);

/* guest.c: the guest's tree as its mounts will make it. */
struct proot_guest;
int proot_guest_new(void *parent, const char *rootfs, struct proot_guest **ret_guest,
		    struct error *err);
/* Canonical guest path of `path` (absolute): symlinks followed, the last one too when `follow`. The
 * last components may be missing. Returns 0; 1 when something above the last component is missing, or the
 * last is a symlink to nowhere: then the rest is as written; or -errno. ret_path holds
 * PROOT_PATH_SIZE. */
int proot_guest_canonical(struct proot_guest *guest, const char *path, bool follow, char *ret_path);
/* The same for a directory that exists and can be entered. */
int proot_guest_directory(struct proot_guest *guest, const char *path, char *ret_path);
/* The topmost component of canonical `path` that is missing below a directory that we can't write, or any
 * directory with `always`: where a made-up directory has to go. 0 with ret_path; -ENOENT: everything is there
 * or can be made. */
int proot_guest_gap(struct proot_guest *guest, const char *path, bool always, char *ret_path);
int proot_guest_mount(struct proot_guest *guest, const char *path, bool follow, const char *host);

#endif
