// SPDX-License-Identifier: Apache-2.0
/* The words of -v, --mount and --tmpfs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>

#include "core/base/cleanup.h"
#include "core/base/log.h"
#include "core/front/amphora/run_request.h"

/* A mount option word: what it sets, what it clears. */
static const struct mount_word {
	const char *word;
	uint32_t set, clear;
} mount_words[] = {
	{"ro", MOUNT_OPTION_READ_ONLY, 0},
	{"readonly", MOUNT_OPTION_READ_ONLY, 0},
	{"readonly=true", MOUNT_OPTION_READ_ONLY, 0},
	{"ro=true", MOUNT_OPTION_READ_ONLY, 0},
	{"rw", 0, MOUNT_OPTION_READ_ONLY},
	{"readonly=false", 0, MOUNT_OPTION_READ_ONLY},
	{"ro=false", 0, MOUNT_OPTION_READ_ONLY},
	{"nosuid", MOUNT_OPTION_NOSUID, 0},
	{"suid", 0, MOUNT_OPTION_NOSUID},
	{"nodev", MOUNT_OPTION_NODEV, 0},
	{"dev", 0, MOUNT_OPTION_NODEV},
	{"noexec", MOUNT_OPTION_NOEXEC, 0},
	{"exec", 0, MOUNT_OPTION_NOEXEC},
	{"rbind", MOUNT_OPTION_RECURSIVE, 0},
	{"bind", 0, MOUNT_OPTION_RECURSIVE},
	{"bind-nonrecursive", 0, MOUNT_OPTION_RECURSIVE},
	{"bind-nonrecursive=true", 0, MOUNT_OPTION_RECURSIVE},
};

/* Words of podman that ask for what is already so, or for nothing that exists here. */
static const char *const ignored_words[] = {
	"z", "Z", "private", "rprivate", "bind-propagation=private", "bind-propagation=rprivate",
	"relabel=shared", "relabel=private", "notmpcopyup"};

/* Returns 0; 1 when the word is not one of these. */
static int apply_word(struct mount_request *mount, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++) {
		if (strcmp(word, mount_words[i].word) != 0)
			continue;
		mount->options |= mount_words[i].set;
		mount->options &= ~mount_words[i].clear;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ignored_words); i++) {
		if (strcmp(word, ignored_words[i]) != 0)
			continue;
		log_debug("mount option %s: nothing to do", word);
		return 0;
	}
	return 1;
}

/* "64m" in bytes. */
static int parse_size(const char *text, uint64_t *ret_size, struct error *err)
{
	static const char suffixes[] = "bkmgt";
	char digits[24];
	size_t length = strlen(text);
	unsigned shift = 0;
	uint64_t number;
	int result;

	if (length > 1) {
		const char *suffix = strchr(suffixes, text[length - 1] | 0x20);

		if (suffix) {
			shift = 10 * (unsigned)(suffix - suffixes);
			length--;
		}
	}
	if (length >= sizeof(digits))
		return error_plain(err, "size \"%s\" is too long", text);
	memcpy(digits, text, length);
	digits[length] = '\0';
	result = parse_number(digits, (uint64_t)INT64_MAX >> shift, &number, err);
	if (result)
		return error_wrap(err, result, "size");
	*ret_size = number << shift;
	return 0;
}

static int parse_mode(const char *text, mode_t *ret_mode, struct error *err)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end || mode > 07777)
		return error_plain(err, "mode \"%s\" is not an octal mode such as 1777", text);
	*ret_mode = (mode_t)mode;
	return 0;
}

/* size= and mode=, also as podman's --mount spells them. Returns 0, 1 when it is neither. */
static int apply_tmpfs_word(struct mount_request *mount, const char *word, struct error *err)
{
	if (!strncmp(word, "tmpfs-", 6))
		word += 6;
	if (!strncmp(word, "size=", 5))
		return parse_size(word + 5, &mount->size, err);
	if (!strncmp(word, "mode=", 5))
		return parse_mode(word + 5, &mount->mode, err);
	return 1;
}

static int refuse_word(const char *word, struct error *err)
{
	error_plain(err, "mount option \"%s\" is not known", word);
	error_hint(err, "There are ro, rw, nosuid, nodev, noexec, bind and rbind");
	return -EINVAL;
}

/* Replaces the host side by its real path. */
static int complete_source(struct spec *spec, struct mount_request *mount, struct error *err)
{
	char path[PATH_MAX];
	int code;

	if (!realpath(mount->source, path)) {
		code = errno;
		/* Not "no such file": callers that match error text would take it for a missing
		 * command. */
		if (code == ENOENT) {
			error_plain(err, "mount source %s does not exist on this machine",
				    mount->source);
			error_hint(err, "Make it first: mkdir -p %s", mount->source);
			return -ENOENT;
		}
		return error_set(err, code, "mount source %s", mount->source);
	}
	mount->source = talloc_strdup(spec, path);
	/* Podman's rule: volumes are nodev, unless they come from /dev. */
	if (!strncmp(path, "/dev/", 5))
		mount->options &= ~(uint32_t)MOUNT_OPTION_NODEV;
	return 0;
}

/* Calls apply_word() and, for tmpfs, apply_tmpfs_word() for each word of a comma list. */
static int apply_words(struct mount_request *mount, char *list, struct error *err)
{
	char *rest = list, *word;

	while ((word = strsep(&rest, ","))) {
		int result = 1;

		if (!word[0])
			continue;
		if (mount->kind == MOUNT_KIND_TMPFS)
			result = apply_tmpfs_word(mount, word, err);
		if (result > 0)
			result = apply_word(mount, word);
		if (result)
			return result < 0 ? result : refuse_word(word, err);
	}
	return 0;
}

int parse_volume(struct spec *spec, const char *text, struct error *err)
{
	struct mount_request mount = {
		.kind = MOUNT_KIND_BIND,
		.options = MOUNT_OPTION_RECURSIVE | MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV,
	};
	char *rest = talloc_strdup(spec, text), *source = strsep(&rest, ":"), *target, *options;
	int result;

	target = strsep(&rest, ":");
	options = rest;
	if (!target || !source[0] || !target[0]) {
		error_plain(err, "\"%s\" is not SOURCE:TARGET", text);
		error_hint(err, "For an empty directory that goes away use --tmpfs %s",
			   source[0] == '/' ? source : "DIR");
		return -EINVAL;
	}
	if (options && strchr(options, ':'))
		return error_plain(err, "\"%s\" has too many colons", text);
	if (!strchr(source, '/') && strcmp(source, ".") != 0 && strcmp(source, "..") != 0) {
		error_plain(err, "named volume \"%s\": named volumes come later", source);
		error_hint(err, "For the directory of that name write ./%s:%s", source, target);
		return -EINVAL;
	}
	mount.source = source;
	mount.target = target;
	result = options ? apply_words(&mount, options, err) : 0;
	if (!result)
		result = complete_source(spec, &mount, err);
	return result ? result : spec_add_mount(spec, &mount, err);
}

/* Stores the value of one of podman's several names for a key. Returns whether it was one. */
static bool take_key(const char *word, const char *const names[], const char **value)
{
	for (; *names; names++) {
		size_t length = strlen(*names);

		if (!strncmp(word, *names, length) && word[length] == '=') {
			*value = word + length + 1;
			return true;
		}
	}
	return false;
}

int parse_mount(struct spec *spec, const char *text, struct error *err)
{
	static const char *const type_names[] = {"type", NULL};
	static const char *const source_names[] = {"source", "src", NULL};
	static const char *const target_names[] = {"target", "destination", "dst", NULL};
	struct mount_request mount = {.options = MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV};
	const char *type = "volume";
	char *rest = talloc_strdup(spec, text), *word;
	char *others = talloc_strdup(spec, "");
	int result;

	while ((word = strsep(&rest, ","))) {
		if (!take_key(word, type_names, &type) &&
		    !take_key(word, source_names, &mount.source) &&
		    !take_key(word, target_names, &mount.target))
			others = talloc_asprintf_append(others, "%s,", word);
	}
	if (!strcmp(type, "bind")) {
		mount.kind = MOUNT_KIND_BIND;
		mount.options |= MOUNT_OPTION_RECURSIVE;
	} else if (!strcmp(type, "tmpfs")) {
		mount.kind = MOUNT_KIND_TMPFS;
	} else {
		error_plain(err, "mounts of type \"%s\" are not known", type);
		error_hint(err, "There are type=bind and type=tmpfs");
		return -EINVAL;
	}
	if (!mount.target || !mount.target[0])
		return error_plain(err, "\"%s\" has no dst=", text);
	if (mount.kind == MOUNT_KIND_BIND && (!mount.source || !mount.source[0]))
		return error_plain(err, "\"%s\" has no src=", text);
	if (mount.kind == MOUNT_KIND_TMPFS && mount.source)
		return error_plain(err, "a tmpfs has no source, but \"%s\" names one", text);
	result = apply_words(&mount, others, err);
	if (!result && mount.kind == MOUNT_KIND_BIND)
		result = complete_source(spec, &mount, err);
	return result ? result : spec_add_mount(spec, &mount, err);
}

int parse_tmpfs(struct spec *spec, const char *text, struct error *err)
{
	struct mount_request mount = {
		.kind = MOUNT_KIND_TMPFS,
		.options = MOUNT_OPTION_NOSUID | MOUNT_OPTION_NODEV | MOUNT_OPTION_NOEXEC,
	};
	char *rest = talloc_strdup(spec, text);
	int result;

	mount.target = strsep(&rest, ":");
	if (!mount.target[0])
		return error_plain(err, "\"%s\" names no directory", text);
	result = rest ? apply_words(&mount, rest, err) : 0;
	return result ? result : spec_add_mount(spec, &mount, err);
}
