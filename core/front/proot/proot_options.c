// SPDX-License-Identifier: Apache-2.0
/* PRoot's options: a row an option, with all its names.
 *
 * Not core/front/amphora/options.c: PRoot's short options don't cluster, several names share a row, and
 * the shape of the next word tells the two meanings of -p apart. A long option's value may follow
 * as a word of its own, which PRoot refuses.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/front/amphora/front.h"
#include "core/front/emulator.h"
#include "core/front/proot/proot.h"

#define PROOT_VERSION	"5.4.0" /* whose options these are */
#define QEMU_WORDS_MAX	64

enum value { NO_VALUE, VALUE, VALUE_IF_PORTS };

struct row {
	const char *class;
	const char *names[5];
	enum value value;
	const char *placeholder; /* of the value, in the usage */
	const char *help;
	/* value is NULL for an option without one. 0, 1: done, nothing is to be run; or -EINVAL. */
	int (*set)(struct proot_request *request, const char *value, struct error *err);
};

/* Files and directories */

static int set_root(struct proot_request *request, const char *value, struct error *err)
{
	char path[PATH_MAX];

	if (!realpath(value, path))
		return error_plain(err, "can't sanitize binding \"%s\": %s", value, strerror(errno));
	return proot_bind(request, path, "/", true, err);
}

static int set_recommended(struct proot_request *request, const char *value, struct error *err)
{
	int result = set_root(request, value, err);

	return result ? result : proot_bind_recommended(request, value, err);
}

static int set_binding(struct proot_request *request, const char *value, struct error *err)
{
	char *host = talloc_strdup(request, value), *guest = strchr(host, ':');

	if (guest)
		*guest++ = '\0';
	return proot_bind(request, host, guest, true, err);
}

static int set_cwd(struct proot_request *request, const char *value, struct error *err)
{
	(void)err;
	request->cwd = value;
	return 0;
}

/* Identity */

/* Digits, at most 4294967294. */
static bool is_id(const char *text, size_t length)
{
	unsigned long long id = 0;

	for (size_t i = 0; i < length; i++) {
		if (i == 10 || !isdigit((unsigned char)text[i]))
			return false;
		id = id * 10 + (unsigned)(text[i] - '0');
	}
	return length > 0 && id < UINT32_MAX;
}

static int set_ids(struct proot_request *request, const char *value, struct error *err)
{
	const char *colon = strchr(value, ':');
	size_t length = colon ? (size_t)(colon - value) : strlen(value);

	if (!is_id(value, length) || (colon && !is_id(colon + 1, strlen(colon + 1))))
		return error_plain(err, "option `-i` expects two numbers, \"uid:gid\", not '%s'.", value);
	if (request->ids) {
		proot_warning("option -i/-0/-S was already specified");
		proot_info("only the last -i/-0/-S option is enabled");
	}
	/* Without a group PRoot keeps the caller's. */
	request->ids = talloc_asprintf(request, "%lu:%lu", strtoul(value, NULL, 10),
				       colon ? strtoul(colon + 1, NULL, 10) :
					       (unsigned long)getegid());
	return 0;
}

static int set_root_id(struct proot_request *request, const char *value, struct error *err)
{
	(void)value;
	return set_ids(request, "0:0", err);
}

static int set_recommended_su(struct proot_request *request, const char *value, struct error *err)
{
	int result = set_root_id(request, NULL, err);

	if (!result)
		result = set_root(request, value, err);
	return result ? result : proot_bind_recommended_su(request, value, err);
}

static int set_kernel(struct proot_request *request, const char *value, struct error *err)
{
	struct error discarded = ERROR_INIT;
	char line[sizeof(discarded.message) + sizeof(discarded.hint) + 128];

	(void)err;
	if (request->kernel) {
		proot_warning("option -k was already specified");
		proot_info("only the last -k option is enabled");
	}
	request->kernel = value;
	if (proot_parse_kernel(request->spec, value, &discarded) < 0) {
		proot_error("%s", error_format(&discarded, line, sizeof(line)));
		proot_warning("option \"-k %s\" discarded", value);
	}
	return 0;
}

/* What isn't needed, and what isn't there */

static int accept_option(struct proot_request *request, const char *value, struct error *err)
{
	(void)request;
	(void)value;
	(void)err;
	return 0;
}

static int set_kill(struct proot_request *request, const char *value, struct error *err)
{
	request->spec->process.linger = false;
	return accept_option(request, value, err);
}

static int set_links(struct proot_request *request, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	request->spec->links = LINKS_EMULATED;
	if (proot_verbosity() > 0)
		proot_info("-l: hard links are real where the file system has them");
	return 0;
}

static int hide_names(struct proot_request *request, const char *value, struct error *err)
{
	request->spec->hidden_prefix = ".proot";
	return accept_option(request, value, err);
}

/* PRoot's is each container's own. */
static int set_sysvipc(struct proot_request *request, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	request->spec->sysvipc = SYSVIPC_EMULATED;
	return 0;
}

static int accept_memfd(struct proot_request *request, const char *value, struct error *err)
{
	if (proot_verbosity() > 0)
		proot_info("--ashmem-memfd: the kernel's own memfd_create is used");
	return accept_option(request, value, err);
}

static struct port_map *port_map(struct proot_request *request)
{
	if (!request->ports)
		request->ports = talloc_zero(request->spec, struct port_map);
	return request->ports;
}

static int set_ports(struct proot_request *request, const char *value, struct error *err)
{
	if (value && port_map_parse(port_map(request), value, err))
		return error_wrap(err, -EINVAL, "option -p");
	if (!value)
		port_map(request)->shift_low = true;
	return 0;
}

static int set_netcoop(struct proot_request *request, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	port_map(request)->pick_free = true;
	return 0;
}

/* "qemu-arm -cpu cortex-a9": words with spaces between. */
static int set_qemu(struct proot_request *request, const char *value, struct error *err)
{
	struct emulator *emulator = talloc_zero(request->spec, struct emulator);
	char *words = talloc_strdup(emulator, value), *rest = NULL;
	const char **argv = talloc_zero_array(emulator, const char *, strlen(value) / 2 + 2);

	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[emulator->argc++] = word;
	emulator->argv = argv;
	if (!emulator->argc)
		return error_plain(err, "option `-q` expects a command.");
	if (emulator->argc > QEMU_WORDS_MAX)
		return error_plain(err, "option `-q` takes at most %d words.", QEMU_WORDS_MAX);
	argv[0] = emulator_search(emulator, argv[0]);
	if (!argv[0])
		return error_plain(err, "option -q %s: there is no such program.", value);
	if (emulator_examine(emulator, err) < 0)
		return error_wrap(err, -EINVAL, "option -q %s", value);
	request->emulator = emulator;
	return 0;
}

/* Whatever the value: host programs go through QEMU as well. */
static int set_mixed_mode(struct proot_request *request, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	request->emulate_all = true;
	return 0;
}

static int refuse_python(struct proot_request *request, const char *value, struct error *err)
{
	(void)request;
	return error_plain(err, "option -P %s: there are no Python extensions.", value);
}

/* Words about us */

static int set_verbosity(struct proot_request *request, const char *value, struct error *err)
{
	char *end;
	long level;

	(void)request;
	errno = 0;
	level = strtol(value, &end, 10);
	if (errno || end == value)
		return error_plain(err, "option `-v` expects an integer value.");
	proot_set_verbosity(level > 9 ? 9 : level < -1 ? -1 : (int)level);
	return 0;
}

static int show_version(struct proot_request *request, const char *value, struct error *err)
{
	(void)request;
	(void)value;
	(void)err;
	printf("amphora-proot %s, with the command line of PRoot %s\n\n"
	       "built-in accelerators: process_vm = yes, seccomp_filter = yes\n",
	       amphora_version(), PROOT_VERSION);
	return 1;
}

static int show_help(struct proot_request *request, const char *value, struct error *err)
{
	(void)request;
	(void)value;
	(void)err;
	proot_usage(true);
	return 1;
}

#define REGULAR	  "Regular options"
#define EXTENSION "Extension options"
#define ALIAS	  "Alias options"

static const struct row rows[] = {
	{REGULAR, {"-r", "--rootfs"}, VALUE, "path",
	 "Use *path* as the new guest root file-system, default is /.", set_root},
	{REGULAR, {"-b", "--bind", "-m", "--mount"}, VALUE, "path",
	 "Make the content of *path* accessible in the guest rootfs.", set_binding},
	{REGULAR, {"-q", "--qemu"}, VALUE, "command",
	 "Execute guest programs through QEMU as specified by *command*.", set_qemu},
	{REGULAR, {"--mixed-mode"}, VALUE, "value", "Execute the host's programs through -q, too.",
	 set_mixed_mode},
	{REGULAR, {"-w", "--pwd", "--cwd"}, VALUE, "path",
	 "Set the initial working directory to *path*.", set_cwd},
	{REGULAR, {"--kill-on-exit"}, NO_VALUE, NULL,
	 "Kill all processes on command exit.", set_kill},
	{REGULAR, {"-v", "--verbose"}, VALUE, "value",
	 "Set the level of debug information to *value*.", set_verbosity},
	{REGULAR, {"-V", "--version", "--about"}, NO_VALUE, NULL, "Print version, then exit.",
	 show_version},
	{REGULAR, {"-h", "--help", "--usage"}, NO_VALUE, NULL,
	 "Print the command-line usage, then exit.", show_help},
	{EXTENSION, {"-k", "--kernel-release"}, VALUE, "string",
	 "Make current kernel appear as kernel release *string*.", set_kernel},
	{EXTENSION, {"-0", "--root-id"}, NO_VALUE, NULL,
	 "Make current user appear as \"root\" and fake its privileges.", set_root_id},
	{EXTENSION, {"-i", "--change-id"}, VALUE, "string",
	 "Make current user and group appear as *string* \"uid:gid\".", set_ids},
	{EXTENSION, {"-p", "--port"}, VALUE_IF_PORTS, "string",
	 "Map the guest's port IN to OUT of *string* \"IN:OUT\"; alone: move ports below 1024 up by 2000.",
	 set_ports},
	{EXTENSION, {"-n", "--netcoop"}, NO_VALUE, NULL,
	 "Bind to a free port where -p names none.", set_netcoop},
	{EXTENSION, {"-P"}, VALUE, "string", "Python extension (not there).", refuse_python},
	{EXTENSION, {"-l", "--link2symlink"}, NO_VALUE, NULL,
	 "Emulate hard links where the file system refuses them.", set_links},
	{EXTENSION, {"--sysvipc"}, NO_VALUE, NULL, "System V IPC is the container's own.",
	 set_sysvipc},
	{EXTENSION, {"--ashmem-memfd"}, NO_VALUE, NULL, "Accepted; the kernel's memfd is used.",
	 accept_memfd},
	{EXTENSION, {"-H"}, NO_VALUE, NULL, "Leave names that begin with .proot out of the root's listings.", hide_names},
	{EXTENSION, {"-L"}, NO_VALUE, NULL, "Accepted; lstat gives symlinks' own sizes.", accept_option},
	{ALIAS, {"-R"}, VALUE, "path", "Alias: -r *path* + a couple of recommended -b.",
	 set_recommended},
	{ALIAS, {"-S"}, VALUE, "path", "Alias: -0 -r *path* + a couple of recommended -b.",
	 set_recommended_su},
};

void proot_usage(bool detailed)
{
	const char *class = "";

	printf("Usage:\n  proot [option] ... [command]\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (strcmp(class, row->class) != 0)
			printf("\n%s:\n", row->class);
		class = row->class;
		for (size_t n = 0; row->names[n] && (detailed || n == 0); n++) {
			bool is_long = row->names[n][1] == '-';

			printf("%s%s", n ? ", " : "  ", row->names[n]);
			if (row->value != NO_VALUE)
				printf("%c*%s*", is_long ? '=' : ' ', row->placeholder);
		}
		printf("%s\t%s\n", detailed ? "\n" : "", row->help);
	}
	if (detailed)
		printf("\nThis is amphora's path translation. What differs from PRoot: man amphora-proot\n");
}

/* Parsing */

/* Whether `word` is this name, alone or with "=value". */
static bool is_name(const char *word, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(word, name, length) && (!word[length] || word[length] == '=');
}

static const struct row *find_row(const char *word, const char **ret_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t n = 0; rows[i].names[n]; n++)
			if (is_name(word, rows[i].names[n])) {
				*ret_name = rows[i].names[n];
				return &rows[i];
			}
	return NULL;
}

/* "80:8080", as upstream's -p takes, perhaps with a space behind it (udocker); Termux's -p takes
 * nothing. */
static bool is_port_pair(const char *word)
{
	size_t first = word ? strspn(word, "0123456789") : 0;
	size_t second = first && word[first] == ':' ? strspn(word + first + 1, "0123456789") : 0;

	return second && !word[first + 1 + second + strspn(word + first + 1 + second, " ")];
}

/* One option; *index is on it, and on its last word afterwards. */
static int parse_option(struct proot_request *request, char **argv, int *index, struct error *err)
{
	const char *word = argv[*index], *next = argv[*index + 1], *name, *equals;
	const struct row *row = find_row(word, &name);

	if (!row)
		return error_plain(err, "unknown option '%s'.", word);
	equals = word[strlen(name)] ? word + strlen(name) : NULL;
	if (equals && row->value == NO_VALUE)
		return error_plain(err, "option '%s' expects no value.", name);
	if (equals && name[1] != '-')
		return error_plain(err, "option '%s' and its value must be separated by ' '.", name);
	if (row->value == NO_VALUE ||
	    (row->value == VALUE_IF_PORTS && !equals && !is_port_pair(next)))
		return row->set(request, NULL, err);
	if (equals)
		return row->set(request, equals + 1, err);
	if (!next)
		return error_plain(err, "missing value for option '%s'.", word);
	++*index;
	return row->set(request, next, err);
}

int proot_options_parse(struct proot_request *request, int argc, char **argv, int *ret_index,
			struct error *err)
{
	const char *level = getenv("PROOT_VERBOSE");
	int index;

	request->spec->process.linger = true; /* without --kill-on-exit */
	request->ignore_missing = getenv("PROOT_IGNORE_MISSING_BINDINGS") != NULL;
	request->make_no_places = getenv("PROOT_DONT_POLLUTE_ROOTFS") != NULL;
	if (level && atoi(level) != 0)
		proot_set_verbosity(atoi(level));
	for (index = 1; index < argc && argv[index][0] == '-'; index++) {
		int result;

		if (!strcmp(argv[index], "--")) {
			index++;
			break;
		}
		result = parse_option(request, argv, &index, err);
		if (result)
			return result;
	}
	*ret_index = index;
	if (request->emulator)
		request->emulator->native_too = request->emulate_all ||
						getenv("PROOT_FORCE_FOREIGN_BINARY");
	request->spec->emulator = request->emulator;
	request->spec->ports = request->ports;
	return 0;
}

void proot_options_explain_environment(void)
{
	static const struct {
		const char *name, *why;
	} unused[] = {
		{"PROOT_NO_SECCOMP", "a seccomp filter is always used"},
		{"PROOT_ASSUME_NEW_SECCOMP", "the order of stops is probed"},
		{"PROOT_LOADER", "the loader is inside this program"},
		{"PROOT_LOADER_32", "the loader is inside this program"},
		{"PROOT_UNBUNDLE_LOADER", "the loader is inside this program"},
		{"PROOT_L2S_DIR", "hard links are real"},
		{"PROOT_FORCE_KOMPAT", "newer system calls are not emulated"},
		{"PROOT_USE_LOADER_FOR_QEMU", "the loader is always used"},
		{"PROOT_F2FS_WORKAROUND", "names that don't exist yet are not looked up"},
		{"PROOT_NO_MOUNTINFO", "/proc/self/mountinfo is always the guest's"},
		{"PROOT_ASSUME_MEMFD_UNSUPPORTED", "memfd_create is the kernel's"},
		{"PROOT_DONT_SHARE_LIBANDROID_SHMEM", "--sysvipc decides"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unused) && proot_verbosity() > 0; i++)
		if (getenv(unused[i].name))
			proot_info("%s is not looked at: %s", unused[i].name, unused[i].why);
}
