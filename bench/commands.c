// SPDX-License-Identifier: Apache-2.0
/* Rows that are whole commands: sh -c SCRIPT. */
#include "bench/rows.h"

#define LOOP(count) "i=0; while [ $i -lt " count " ]; do /bin/true; i=$((i+1)); done"

/* Output goes to a file, because /dev/null need not exist in a plain chroot and GNU tar treats it
 * specially. */
const struct row command_rows[] = {
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
const size_t command_row_count = sizeof(command_rows) / sizeof(command_rows[0]);
