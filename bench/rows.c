// SPDX-License-Identifier: Apache-2.0
/* The rows that bench/micro times: system calls, processes, whole commands.
 *
 * Calls that only look are made on paths of the rootfs itself (/etc/passwd, /usr/bin); calls that
 * write are made in the scratch directory, which is a bind mount in every column, so that the
 * rootfs is never changed and may belong to somebody else.
 */
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t read_file_size = 65536;

static int set_path(struct scene *scene, int index, const char *dir, const char *name)
{
	int length = snprintf(scene->path[index], PATH_MAX, "%s%s", dir, name);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* stat, lstat, open+close, access: a file of the rootfs that every distribution has. */
static int setup_passwd(struct scene *scene)
{
	return set_path(scene, 0, scene->prefix, "/etc/passwd");
}

static int run_stat(struct scene *scene, long n)
{
	struct stat status;

	while (n--)
		if (stat(scene->path[0], &status) < 0)
			return -errno;
	return 0;
}

static int run_lstat(struct scene *scene, long n)
{
	struct stat status;

	while (n--)
		if (lstat(scene->path[0], &status) < 0)
			return -errno;
	return 0;
}

static int run_open(struct scene *scene, long n)
{
	while (n--) {
		int fd = open(scene->path[0], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

static int run_access(struct scene *scene, long n)
{
	while (n--)
		if (access(scene->path[0], R_OK) < 0)
			return -errno;
	return 0;
}

/* openat with a directory fd and one component */
static int setup_openat(struct scene *scene)
{
	int r = set_path(scene, 0, scene->prefix, "/etc");

	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scene->fd < 0 ? -errno : 0;
}

static int run_openat(struct scene *scene, long n)
{
	while (n--) {
		int fd = openat(scene->fd, "passwd", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		close(fd);
	}
	return 0;
}

/* readlink: which symbolic links a rootfs has differs, so the first of these that is one */
static int setup_readlink(struct scene *scene)
{
	static const char *const candidates[] = { "/bin", "/usr/bin/awk", "/bin/sh", "/etc/mtab" };
	char target[PATH_MAX];

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		int r = set_path(scene, 0, scene->prefix, candidates[i]);

		if (r < 0)
			return r;
		if (readlink(scene->path[0], target, sizeof(target)) >= 0)
			return 0;
	}
	snprintf(scene->why, sizeof(scene->why), "no symbolic link found in the rootfs");
	return -ENOENT;
}

static int run_readlink(struct scene *scene, long n)
{
	char target[PATH_MAX];

	while (n--)
		if (readlink(scene->path[0], target, sizeof(target)) < 0)
			return -errno;
	return 0;
}

/* getcwd, chdir: between two directories of the rootfs */
static int setup_directories(struct scene *scene)
{
	int r = set_path(scene, 0, scene->prefix, "/usr/bin");

	if (r == 0)
		r = set_path(scene, 1, scene->prefix, "/etc");
	if (r == 0 && chdir(scene->path[0]) < 0)
		r = -errno;
	return r;
}

static int run_getcwd(struct scene *scene, long n)
{
	(void)scene;
	char cwd[PATH_MAX];

	while (n--)
		if (!getcwd(cwd, sizeof(cwd)))
			return -errno;
	return 0;
}

static int run_chdir(struct scene *scene, long n)
{
	while (n--)
		if (chdir(scene->path[n & 1]) < 0)
			return -errno;
	return 0;
}

static void teardown_directories(struct scene *scene)
{
	(void)scene;
	if (chdir("/") < 0)
		perror("chdir /");
}

/* getppid, read: calls with no path, which should cost nothing but the filter */
static int run_getppid(struct scene *scene, long n)
{
	(void)scene;
	while (n--)
		getppid();
	return 0;
}

static int setup_read(struct scene *scene)
{
	int r = set_path(scene, 0, scene->scratch, "/read");

	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (scene->fd < 0 || ftruncate(scene->fd, (off_t)read_file_size) < 0)
		return -errno;
	return 0;
}

static int run_read(struct scene *scene, long n)
{
	char byte;

	while (n--) {
		ssize_t got = read(scene->fd, &byte, 1);

		if (got < 0 || (got == 0 && lseek(scene->fd, 0, SEEK_SET) < 0))
			return -errno;
	}
	return 0;
}

/* rename, unlink+create, mkdir+rmdir: in the scratch directory */
static int setup_names(struct scene *scene)
{
	int r = set_path(scene, 0, scene->scratch, "/one");

	return r < 0 ? r : set_path(scene, 1, scene->scratch, "/two");
}

static int setup_rename(struct scene *scene)
{
	int r = setup_names(scene);

	if (r < 0)
		return r;
	scene->fd = open(scene->path[0], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	return scene->fd < 0 ? -errno : 0;
}

static int run_rename(struct scene *scene, long n)
{
	/* The file may be under either name: an odd count leaves it under the other one. */
	int from = access(scene->path[0], F_OK) == 0 ? 0 : 1;

	for (; n--; from = !from)
		if (rename(scene->path[from], scene->path[!from]) < 0)
			return -errno;
	return 0;
}

static int run_unlink(struct scene *scene, long n)
{
	while (n--) {
		int fd = open(scene->path[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0)
			return -errno;
		close(fd);
		if (unlink(scene->path[0]) < 0)
			return -errno;
	}
	return 0;
}

static int run_mkdir(struct scene *scene, long n)
{
	while (n--)
		if (mkdir(scene->path[0], 0755) < 0 || rmdir(scene->path[0]) < 0)
			return -errno;
	return 0;
}

static void teardown_names(struct scene *scene)
{
	unlink(scene->path[0]);
	unlink(scene->path[1]);
}

/* connect: socket, connect, accept and two closes on a unix socket with a name */
static int socket_address(const struct scene *scene, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int length = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s",
			      scene->path[0]);

	return length < (int)sizeof(ret_address->sun_path) ? 0 : -ENAMETOOLONG;
}

static int setup_connect(struct scene *scene)
{
	struct sockaddr_un address;
	int r = set_path(scene, 0, scene->scratch, "/socket");

	if (r == 0)
		r = socket_address(scene, &address);
	if (r < 0)
		return r;
	unlink(scene->path[0]);
	scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (scene->listener < 0 ||
	    bind(scene->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(scene->listener, 8) < 0)
		return -errno;
	return 0;
}

static int run_connect(struct scene *scene, long n)
{
	struct sockaddr_un address;
	int r = socket_address(scene, &address);

	while (r == 0 && n--) {
		int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (client < 0)
			return -errno;
		if (connect(client, (struct sockaddr *)&address, sizeof(address)) < 0) {
			r = -errno;
		} else {
			int server = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);

			if (server < 0)
				r = -errno;
			else
				close(server);
		}
		close(client);
	}
	return r;
}

/* fork+wait, spawn, thread */
static int wait_for(struct scene *scene, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		snprintf(scene->why, sizeof(scene->why), "child killed by signal %d",
			 WTERMSIG(status));
	else
		snprintf(scene->why, sizeof(scene->why), "child exited %d", WEXITSTATUS(status));
	return -ECHILD;
}

static int run_fork(struct scene *scene, long n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			_exit(0);
		int r = wait_for(scene, pid);

		if (r < 0)
			return r;
	}
	return 0;
}

static int spawn(struct scene *scene, char *const argv[], char *const envp[])
{
	pid_t pid;
	int r = posix_spawn(&pid, argv[0], NULL, NULL, argv, envp);

	if (r == 0)
		return wait_for(scene, pid);
	snprintf(scene->why, sizeof(scene->why), "%.100s: %s", argv[0], strerror(r));
	return -r;
}

static int run_spawn_static(struct scene *scene, long n)
{
	char path[PATH_MAX], name[] = "true";
	char *argv[] = { path, name, NULL };
	char *envp[] = { NULL };
	int r = 0;

	snprintf(path, sizeof(path), "%s", scene->self);
	while (r == 0 && n--)
		r = spawn(scene, argv, envp);
	return r;
}

static int run_spawn_dynamic(struct scene *scene, long n)
{
	char path[] = "/bin/true";
	char *argv[] = { path, NULL };
	char *envp[] = { NULL };
	int r = 0;

	while (r == 0 && n--)
		r = spawn(scene, argv, envp);
	return r;
}

static void *thread_main(void *argument)
{
	return argument;
}

static int run_thread(struct scene *scene, long n)
{
	(void)scene;
	while (n--) {
		pthread_t thread;
		int r = pthread_create(&thread, NULL, thread_main, NULL);

		if (r != 0)
			return -r;
		pthread_join(thread, NULL);
	}
	return 0;
}

/* Whole commands: sh -c SCRIPT. Output goes to a file, because /dev/null need not exist in a plain
 * chroot and GNU tar treats it specially. */
static int run_script(struct scene *scene, const char *script)
{
	char shell[] = "/bin/sh", flag[] = "-c";
	char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char scratch[PATH_MAX + 2], prefix[PATH_MAX + 2];
	char *text = strdup(script);
	char *argv[] = { shell, flag, text, NULL };
	char *envp[] = { search, locale, scratch, prefix, NULL };

	if (!text)
		return -ENOMEM;
	snprintf(scratch, sizeof(scratch), "S=%s", scene->scratch);
	snprintf(prefix, sizeof(prefix), "P=%s", scene->prefix);
	int r = spawn(scene, argv, envp);

	free(text);
	return r;
}

#define LOOP(count) "i=0; while [ $i -lt " count " ]; do /bin/true; i=$((i+1)); done"

const struct row rows[] = {
	{ "stat", ROW_CALL, .setup = setup_passwd, .run = run_stat },
	{ "lstat", ROW_CALL, .setup = setup_passwd, .run = run_lstat },
	{ "open+close", ROW_CALL, .setup = setup_passwd, .run = run_open },
	{ "openat dirfd", ROW_CALL, .setup = setup_openat, .run = run_openat },
	{ "readlink", ROW_CALL, .setup = setup_readlink, .run = run_readlink },
	{ "access", ROW_CALL, .setup = setup_passwd, .run = run_access },
	{ "getcwd", ROW_CALL, .setup = setup_directories, .run = run_getcwd,
	  .teardown = teardown_directories },
	{ "chdir", ROW_CALL, .setup = setup_directories, .run = run_chdir,
	  .teardown = teardown_directories },
	{ "getppid", ROW_CALL, .run = run_getppid },
	{ "read", ROW_CALL, .setup = setup_read, .run = run_read, .teardown = teardown_names },
	{ "rename", ROW_CALL, .setup = setup_rename, .run = run_rename,
	  .teardown = teardown_names },
	{ "unlink+create", ROW_CALL, .setup = setup_names, .run = run_unlink },
	{ "mkdir+rmdir", ROW_CALL, .setup = setup_names, .run = run_mkdir },
	{ "connect unix", ROW_CALL, .setup = setup_connect, .run = run_connect,
	  .teardown = teardown_names },
	{ "fork+wait", ROW_PROCESS, .run = run_fork },
	{ "spawn static", ROW_PROCESS, .run = run_spawn_static },
	{ "spawn dynamic", ROW_PROCESS, .run = run_spawn_dynamic },
	{ "thread", ROW_PROCESS, .run = run_thread },
	{ "shell 100 execs", ROW_COMMAND, .program = "true", .script = LOOP("100") },
	{ "shell 500 execs", ROW_COMMAND, .slow = true, .program = "true", .script = LOOP("500") },
	{ "ls -lR /usr", ROW_COMMAND, .program = "ls",
	  .script = "exec ls -lR \"$P/usr\" >\"$S/out\"" },
	{ "find /usr", ROW_COMMAND, .program = "find",
	  .script = "exec find \"$P/usr\" -type f >\"$S/out\"" },
	{ "tar pack", ROW_COMMAND, .slow = true, .program = "tar",
	  .script = "cd \"$P/usr\" && exec tar cf \"$S/out\" share" },
	{ "compile", ROW_COMMAND, .slow = true, .program = "cc",
	  .script = "cd \"$S\" && for i in 1 2 3 4; do echo '#include <stdio.h>\n"
		    "#include <stdlib.h>\nint f'$i'(void) { return puts(\"f\"); }' >f$i.c;"
		    " cc -O1 -c f$i.c || exit 1; done; rm -f f?.c f?.o" },
};
const size_t row_count = sizeof(rows) / sizeof(rows[0]);

int row_setup(const struct row *row, struct scene *scene)
{
	char script[128];

	scene->fd = scene->listener = -1;
	scene->why[0] = scene->path[0][0] = scene->path[1][0] = '\0';
	if (row->setup)
		return row->setup(scene);
	if (!row->script)
		return 0;
	snprintf(script, sizeof(script), "command -v %s >\"$S/out\"", row->program);
	int r = run_script(scene, script);

	if (r < 0)
		snprintf(scene->why, sizeof(scene->why), "no %s in the rootfs", row->program);
	return r;
}

int row_run(const struct row *row, struct scene *scene, long n)
{
	int r = 0;

	if (row->run)
		return row->run(scene, n);
	while (r == 0 && n--)
		r = run_script(scene, row->script);
	return r;
}

void row_teardown(const struct row *row, struct scene *scene)
{
	char out[PATH_MAX];

	if (row->teardown)
		row->teardown(scene);
	if (row->script) {
		snprintf(out, sizeof(out), "%s/out", scene->scratch);
		unlink(out);
	}
	if (scene->fd >= 0)
		close(scene->fd);
	if (scene->listener >= 0)
		close(scene->listener);
	scene->fd = scene->listener = -1;
}
