// SPDX-License-Identifier: Apache-2.0
/* -r, -b, -R, -S and -w: from words to the spec's root, mounts and working directory.
 *
 * Theory of operation
 *
 *   as given -> sorted by depth -> place in the guest found, symlinks followed -> mount
 *
 * As in PRoot the last binding on a place wins, a binding on / is the root, and a source that doesn't
 * exist is a warning. A place whose parents are missing below a directory that we can't write gets
 * an empty directory above it (PRoot's "glue rootfs").
 *
 * The host's /proc is bound wherever the host's own root is shown: its /proc/self would mean the
 * tracer there.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/front/proot/proot.h"
#include "core/model/guest_path.h"

static int append(struct proot_request *request, const char *host, const char *guest,
		  bool no_follow, struct error *err)
{
	struct proot_binding *all = talloc_realloc(request, request->bindings, struct proot_binding,
						   request->binding_count + 1);

	if (!all)
		return error_set(err, ENOMEM, "binding %s", host);
	request->bindings = all;
	all[request->binding_count++] = (struct proot_binding){
		.host = talloc_strdup(request, host),
		.guest = talloc_strdup(request, guest),
		.no_follow = no_follow,
	};
	return 0;
}

/* Relative places are below the caller's directory, as for `-b .`. Returns 0 or -errno. */
static int absolute(const char *path, char *ret_path, size_t size)
{
	char here[PATH_MAX] = "";

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return -errno;
	if (snprintf(ret_path, size, "%s%s%s", here, here[0] ? "/" : "", path) >= (int)size)
		return -ENAMETOOLONG;
	return 0;
}

/* /proc/self/fd:/dev/fd, and /etc/mtab where that is a symlink: bound, it would be the tracer's own.
 * The guest's /dev/fd and /etc/mtab lead to its /proc/self without us. */
static bool is_about_self(const char *host)
{
	char self[32];
	int length = snprintf(self, sizeof(self), "/proc/%d/", (int)getpid());

	return !strncmp(host, self, (size_t)length);
}

int proot_bind(struct proot_request *request, const char *host, const char *guest, bool must_exist,
	       struct error *err)
{
	char source[PATH_MAX], place[PATH_MAX];
	size_t length;
	bool no_follow;
	int error = 0;

	if (!strncmp(host, "/proc/self/", 11) ||
	    (host[0] && realpath(host, source) && is_about_self(source))) {
		if (proot_verbosity() > 0)
			proot_info("binding %s left out: the guest has its own", host);
		return 0;
	}

	if (!host[0] || !realpath(host, source)) {
		if (must_exist && !request->ignore_missing)
			proot_warning("can't sanitize binding \"%s\": %s", host,
				      strerror(host[0] ? errno : ENOENT));
		return 0;
	}
	error = absolute(guest && guest[0] ? guest : host, place, sizeof(place));
	if (error) {
		proot_warning("can't sanitize binding \"%s\": %s", host, strerror(-error));
		return 0;
	}
	length = strlen(place);
	no_follow = length > 1 && place[length - 1] == '!';
	if (no_follow)
		place[length - 1] = '\0';
	return append(request, source, place, no_follow, err);
}

/* "$HOME" at the front of a default; the default itself where it isn't set. */
static const char *expand_front_variable(const char *text)
{
	const char *value = text[0] == '$' ? getenv(text + 1) : NULL;

	return value ? value : text;
}

static int bind_all(struct proot_request *request, const char *const *paths, size_t count,
		    const char *rootfs, struct error *err)
{
	int result = 0;

	for (size_t i = 0; i < count && !result; i++)
		result = proot_bind(request, expand_front_variable(paths[i]), NULL, false, err);
	return result ? result : proot_bind(request, rootfs, NULL, false, err);
}

int proot_bind_recommended(struct proot_request *request, const char *path, struct error *err)
{
	static const char *const recommended[] = {
		"/etc/host.conf", "/etc/hosts", "/etc/hosts.equiv", "/etc/mtab", "/etc/netgroup",
		"/etc/networks", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
		"/etc/resolv.conf", "/etc/localtime", "/dev/", "/sys/", "/proc/", "/tmp/", "/run/",
		"/var/run/dbus/system_bus_socket", "$HOME",
	};

	return bind_all(request, recommended, ARRAY_SIZE(recommended), path, err);
}

int proot_bind_recommended_su(struct proot_request *request, const char *path, struct error *err)
{
	static const char *const recommended[] = {
		"/etc/host.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/dev/",
		"/sys/", "/proc/", "/tmp/", "/run/shm", "$HOME",
	};

	return bind_all(request, recommended, ARRAY_SIZE(recommended), path, err);
}

/* The root */

static int choose_root(struct proot_request *request, struct error *err)
{
	struct spec *spec = request->spec;
	struct stat status;

	spec->rootfs = "/";
	for (size_t i = 0; i < request->binding_count; i++)
		if (guest_path_depth(request->bindings[i].guest) == 0)
			spec->rootfs = request->bindings[i].host;
	if (stat(spec->rootfs, &status) < 0 || access(spec->rootfs, X_OK) < 0)
		return error_set(err, errno, "root file system %s", spec->rootfs);
	if (!S_ISDIR(status.st_mode))
		return error_set(err, ENOTDIR, "root file system %s", spec->rootfs);
	return 0;
}

/* The host's /proc below each place that shows the host's root; a binding on it goes first. */
static int bind_implied_proc(struct proot_request *request, struct error *err)
{
	size_t given = request->binding_count;
	char place[PATH_MAX];
	int result = 0;

	if (!strcmp(request->spec->rootfs, "/"))
		result = append(request, "/proc", "/proc", false, err);
	for (size_t i = 0; i < given && !result; i++) {
		const struct proot_binding *binding = &request->bindings[i];

		if (strcmp(binding->host, "/") != 0 || guest_path_depth(binding->guest) == 0)
			continue;
		snprintf(place, sizeof(place), "%s/proc", binding->guest);
		result = append(request, "/proc", place, false, err);
	}
	/* The last one on a place wins: put these before what was given. */
	for (size_t moved = given; moved < request->binding_count && !result; moved++) {
		struct proot_binding implied = request->bindings[moved];

		memmove(request->bindings + 1, request->bindings,
			moved * sizeof(*request->bindings));
		request->bindings[0] = implied;
	}
	return result;
}

/* Mounts */

struct placed {
	const struct proot_binding *binding;
	size_t depth, order;
};

static int placed_compare(const void *a, const void *b)
{
	const struct placed *left = a, *right = b;

	if (left->depth != right->depth)
		return left->depth < right->depth ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

/* A mount, in place of an earlier one on the same target. */
static int add_mount(struct spec *spec, const struct mount_request *mount, struct error *err)
{
	for (size_t i = 0; i < spec->mount_count; i++) {
		struct mount_request *old = &spec->mounts[i];

		if (guest_path_compare(old->target, mount->target) != 0)
			continue;
		if (proot_verbosity() > 0 && old->kind == MOUNT_KIND_BIND &&
		    mount->kind == MOUNT_KIND_BIND)
			proot_warning("both '%s' and '%s' are bound to '%s', only the last binding is "
				      "active.",
				      old->source, mount->source, mount->target);
		old->kind = mount->kind;
		old->source = talloc_strdup(spec, mount->source);
		old->options = mount->options;
		return 0;
	}
	return spec_add_mount(spec, mount, err);
}

static bool is_below_gap(const struct spec *spec, const char *place)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (spec->mounts[i].kind == MOUNT_KIND_TMPFS &&
		    guest_path_covers(spec->mounts[i].target, place))
			return true;
	return false;
}

static int fill_gap(struct proot_request *request, struct proot_guest *guest, const char *place,
		    struct error *err)
{
	struct spec *spec = request->spec;
	char gap[PROOT_PATH_SIZE];
	struct mount_request mount = {
		.kind = MOUNT_KIND_TMPFS,
		.target = gap,
		.mode = 0755,
		.options = request->make_no_places ? MOUNT_OPTION_NO_POINT : 0,
	};

	if (is_below_gap(spec, place) ||
	    proot_guest_gap(guest, place, request->make_no_places, gap) < 0 ||
	    guest_path_compare(gap, place) == 0)
		return 0;
	return spec_add_mount(spec, &mount, err);
}

static int place_binding(struct proot_request *request, struct proot_guest *guest,
			 const struct proot_binding *binding, struct error *err)
{
	struct spec *spec = request->spec;
	char place[PROOT_PATH_SIZE];
	struct mount_request mount = {
		.kind = MOUNT_KIND_BIND,
		.source = binding->host,
		.target = place,
	};
	int result = proot_guest_canonical(guest, binding->guest, !binding->no_follow, place);

	/* A resolv.conf that points to nowhere is covered itself. */
	if (binding->no_follow || result > 0)
		mount.options = MOUNT_OPTION_NO_FOLLOW;
	if (result < 0) {
		proot_warning("sanitizing the guest path (binding) \"%s\": %s", binding->guest,
			      strerror(-result));
		return 0;
	}
	if (guest_path_depth(place) == 0)
		return 0;
	if (guest_path_has_dot_dot(place)) {
		proot_warning("sanitizing the guest path (binding) \"%s\": %s", binding->guest,
			      strerror(ENOENT));
		return 0;
	}
	result = fill_gap(request, guest, place, err);
	if (!result)
		proot_guest_mount(guest, place, mount.options == 0, binding->host);
	if (request->make_no_places && !is_below_gap(spec, place))
		mount.options |= MOUNT_OPTION_NO_POINT;
	if (!result)
		result = add_mount(spec, &mount, err);
	if (!result && proot_verbosity() > 0)
		proot_info("binding = %s:%s", binding->host, place);
	return result;
}

static int place_bindings(struct proot_request *request, struct proot_guest *guest,
			  struct error *err)
{
	struct placed *all = talloc_array(request, struct placed, request->binding_count + 1);
	int result = 0;

	if (!all)
		return error_set(err, ENOMEM, "bindings");
	for (size_t i = 0; i < request->binding_count; i++)
		all[i] = (struct placed){
			.binding = &request->bindings[i],
			.depth = guest_path_depth(request->bindings[i].guest),
			.order = i,
		};
	qsort(all, request->binding_count, sizeof(*all), placed_compare);
	for (size_t i = 0; i < request->binding_count && !result; i++)
		if (all[i].depth > 0)
			result = place_binding(request, guest, all[i].binding, err);
	return result;
}

/* The working directory */

/* Below a mount whose place will only be made at start. */
static bool is_below_unmade(const struct spec *spec, struct proot_guest *guest, const char *path)
{
	char there[PROOT_PATH_SIZE];

	for (size_t i = 0; i < spec->mount_count; i++)
		if (guest_path_covers(spec->mounts[i].target, path) &&
		    proot_guest_directory(guest, spec->mounts[i].target, there) < 0)
			return true;
	return false;
}

static int complete_cwd(struct proot_request *request, struct proot_guest *guest, struct error *err)
{
	struct spec *spec = request->spec;
	char asked[PATH_MAX], path[PROOT_PATH_SIZE];
	int error = absolute(request->cwd ? request->cwd : ".", asked, sizeof(asked));

	if (error)
		return error_set(err, -error, "getcwd");
	error = proot_guest_directory(guest, asked, path);
	if (error && is_below_unmade(spec, guest, asked)) {
		snprintf(path, sizeof(path), "%s", asked);
	} else if (error) {
		proot_warning("can't chdir(\"%s\") in the guest rootfs: %s", asked, strerror(-error));
		proot_info("default working directory is now \"/\"");
		strcpy(path, "/");
	}
	spec->process.cwd = talloc_strdup(spec, path);
	return 0;
}

int proot_complete_spec(struct proot_request *request, struct error *err)
{
	struct proot_guest *guest;
	int result = choose_root(request, err);

	if (!result)
		result = bind_implied_proc(request, err);
	if (!result)
		result = proot_guest_new(request, request->spec->rootfs, &guest, err);
	if (!result)
		result = place_bindings(request, guest, err);
	if (!result)
		result = complete_cwd(request, guest, err);
	return result;
}
