// SPDX-License-Identifier: Apache-2.0
/* Rows that are whole programs: sh -c SCRIPT.
 *
 * $S is the row's scratch directory, $P goes before paths of the rootfs, and what is in $P/bench
 * bench/rootfs.sh has made. Output goes to a file, because /dev/null need not exist in a plain chroot
 * and GNU tar treats it specially.
 */
#include "bench/rows.h"

#define LOOP(count) "i=0; while [ $i -lt " count " ]; do /bin/true; i=$((i+1)); done"

/* An apt of its own, below $S/apt, that knows one repository and installs below $S/root. */
#define APT_PREPARE                                                                                 \
	"mkdir -p \"$S/apt\"; cat >\"$S/apt.conf\" <<END\n"                                            \
	"Dir \"$S/apt\";\n"                                                                            \
	"Dir::State::status \"$S/root/var/lib/dpkg/status\";\n"                                        \
	"Dir::Bin::methods \"$P/usr/lib/apt/methods\";\n"                                              \
	"DPkg::Options { \"--root=$S/root\"; \"--log=$S/apt/log\"; \"--force-unsafe-io\"; };\n"        \
	"DPkg::Post-Invoke { }; APT::Sandbox::User \"root\"; Acquire::Languages \"none\";\n"           \
	"END\n"
#define APT_RUN                                                                                     \
	"rm -rf \"$S/apt\" \"$S/root\"; cd \"$S\"; mkdir -p apt/etc/apt/preferences.d"                 \
	" apt/etc/apt/apt.conf.d apt/etc/apt/sources.list.d apt/etc/apt/trusted.gpg.d"                 \
	" apt/var/lib/apt/lists/partial apt/var/cache/apt/archives/partial apt/var/log/apt"            \
	" root/var/lib/dpkg/info root/var/lib/dpkg/updates root/usr; : >root/var/lib/dpkg/status\n"    \
	"echo \"deb [trusted=yes] file:$P/bench/packages ./\" >apt/etc/apt/sources.list\n"             \
	"export APT_CONFIG=\"$S/apt.conf\" DEBIAN_FRONTEND=noninteractive\n"                           \
	"apt-get update >out 2>&1 && apt-get install -y $(cat \"$P/bench/packages/names\") >>out 2>&1" \
	" || { tail -n 3 out >&2; exit 1; }\n"

const struct row command_rows[] = {
	{ "shell 100 execs", ROW_COMMAND, .program = "true", .script = LOOP("100") },
	{ "shell 500 execs", ROW_COMMAND, .slow = true, .program = "true", .script = LOOP("500") },
	{ "ls -lR /usr", ROW_COMMAND, .program = "ls",
	  .script = "exec ls -lR \"$P/usr\" >\"$S/out\"" },
	{ "find /usr", ROW_COMMAND, .program = "find",
	  .script = "exec find \"$P/usr\" -type f >\"$S/out\"" },
	{ "tar pack", ROW_COMMAND, .slow = true, .program = "tar",
	  .script = "cd \"$P/usr\" && exec tar cf \"$S/out\" share" },
	{ "tar unpack, 3000", ROW_COMMAND, .slow = true, .program = "tar", .needs = "/bench/files.tar",
	  .prepare = "rm -rf \"$S/unpacked\"; mkdir \"$S/unpacked\"",
	  .script = "cd \"$S/unpacked\" && exec tar xf \"$P/bench/files.tar\" --overwrite" },
	{ "npm tree, 20000", ROW_COMMAND, .slow = true, .program = "tar", .needs = "/bench/npm.tar",
	  .prepare = "rm -rf \"$S/npm\"; mkdir \"$S/npm\"",
	  .script = "cd \"$S/npm\" && tar xf \"$P/bench/npm.tar\" && find . -name package.json |"
		    " xargs cat >\"$S/out\" && rm -rf node_modules" },
	{ "compile", ROW_COMMAND, .slow = true, .program = "cc",
	  .script = "cd \"$S\" && for i in 1 2 3 4; do echo '#include <stdio.h>\n"
		    "#include <stdlib.h>\nint f'$i'(void) { return puts(\"f\"); }' >f$i.c;"
		    " cc -O1 -c f$i.c || exit 1; done; rm -f f?.c f?.o" },
	{ "configure+make", ROW_COMMAND, .slow = true, .program = "make", .needs = "/bench/project.tar",
	  .script = "rm -rf \"$S/p\"; mkdir \"$S/p\" && cd \"$S/p\" && tar xf \"$P/bench/project.tar\" &&"
		    " cd * && { CFLAGS=-O1 ./configure --static && make -s libz.a example; } >\"$S/out\" 2>&1" },
	{ "git, 3000 files", ROW_COMMAND, .slow = true, .program = "git", .needs = "/bench/files.tar",
	  .prepare = "cd \"$S\" && { [ -d git ] || { mkdir git && cd git && tar xf \"$P/bench/files.tar\"; }; }",
	  .script = "cd \"$S/git\" && rm -rf .git && export HOME=\"$S\" GIT_CONFIG_NOSYSTEM=1 &&"
		    " git init -q . 2>\"$S/out\" && git add . && git -c user.name=n -c user.email=e commit"
		    " -qm one && git status --porcelain >\"$S/out\"" },
	{ "apt install, 20", ROW_COMMAND, .slow = true, .program = "apt-get",
	  .needs = "/bench/packages/names", .prepare = APT_PREPARE, .script = APT_RUN },
	{ "python start", ROW_COMMAND, .program = "python3", .script = "exec python3 -c pass" },
	{ "node, 1000 modules", ROW_COMMAND, .slow = true, .program = "node",
	  .needs = "/bench/modules/main.js", .script = "exec node \"$P/bench/modules/main.js\" >\"$S/out\"" },
	{ "sqlite, 300 commits", ROW_COMMAND, .slow = true, .program = "sqlite3", .needs = "/bench/commits.sql",
	  .script = "rm -f \"$S/db\"; exec sqlite3 \"$S/db\" <\"$P/bench/commits.sql\" >\"$S/out\"" },
};
const size_t command_row_count = sizeof(command_rows) / sizeof(command_rows[0]);
