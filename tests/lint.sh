#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Everything that can be said about the code without running it. Prints what it finds; exit 1 when
# it found something.
set -u
cd "$(dirname "$0")/.." || exit 1
found=0
complain() { echo "lint: $*"; found=1; }

code=$(git ls-files -co --exclude-standard '*.c' '*.h' | sort)
mine=$(echo "$code" | grep -E '\.c$' | grep -vE '^(tests/behave/helpers|ptrace_backend/arch/aarch64|probe/arch/aarch64)/')
[ "$#" = 0 ] || mine=$*

echo '# length of files'
for file in $(git ls-files -co --exclude-standard '*.c' '*.h' '*.sh' '*.t' '*.def' '*.py'); do
	[ -f "$file" ] || continue
	lines=$(wc -l <"$file")
	[ "$lines" -le 800 ] || complain "$file has $lines lines: split it (800 at most)"
done

echo '# first lines'
for file in $code; do
	head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file has no SPDX line"
done

# One door (DESIGN 5.2): a path that a guest owns is opened by rootfs_open() and acted on by fd.
# These folders may call by name only what can't be led astray by a symlink: a literal path, a name below
# an fd that is not followed, an fd's own magic link. Anything else is the host's, and says so: a
# comment with the words "host path" on the line or one of the three above.
echo '# one door to guest-owned paths'
for file in $(echo "$mine" | grep -E '^(ns_backend|core/monitor|core/image|core/store)/'); do
	awk -v file="$file" '
		BEGIN {
			start = "(^|[^a-zA-Z0-9_>.\"])"
			follows = start "(open|creat|fopen|opendir|stat|statx|statfs|access|readlink|chmod|chown|lchown|lstat" \
				"|mkdir|mknod|symlink|link|unlink|rmdir|rename|truncate|utimensat|setxattr|lsetxattr" \
				"|getxattr|lgetxattr|chroot|chdir|openat|openat2|fstatat|faccessat|fchmodat|fchownat)\\("
			at_names = start "(mkdirat|mknodat|symlinkat|linkat|unlinkat|renameat|renameat2|readlinkat)\\(AT_FDCWD"
			literal = start "[a-z0-9]+\\((AT_FDCWD, |[a-z_>.-]+, )?\"[^\"]*\""
		}
		/host path/ { allowed = NR + 3 }
		{
			code = $0
			sub(/\/\*.*/, "", code); sub(/\/\/.*/, "", code); sub(/^[ \t]*\*.*/, "", code)
		}
		code !~ follows && code !~ at_names { next }
		code ~ literal || code ~ /fd_path\(/ || NR <= allowed { next }
		code ~ /(openat|fstatat|fchmodat|fchownat)\([^A]/ && code ~ /NOFOLLOW|EMPTY_PATH/ { next }
		{ print file ":" NR ":" $0; bad = 1 }
		END { exit bad }' "$file" || complain "$file: use rootfs_open(), or say \"host path\" in a comment"
done

# The resolver and the loader run where there is no libc.
echo '# freestanding objects'
for object in build/release/core/path/*.o build/release/ptrace_backend/loader/*.o; do
	case $object in *'*'* | */rootfs*.o) continue ;; esac
	names=$(nm -u "$object" | awk '{print $2}' |
		grep -vE '^(mem(cpy|move|set|cmp)|_GLOBAL_OFFSET_TABLE_|resolve_.*|resolver_.*|path_.*|mount_table_.*|loader_.*|walk_.*|table_.*|position_.*|fast_.*|link_.*)$')
	[ -z "$names" ] || complain "$object needs from libc: $(echo "$names" | tr '\n' ' ')"
done

# Registers and opcodes have one place.
echo '# architecture stays under arch/'
# shellcheck disable=SC2046 # a list of files
grep -nE '__x86_64__|__aarch64__' $(echo "$mine" | grep -vE '/arch/|^tests/|^bench/') /dev/null &&
	complain 'an architecture is named outside arch/'

echo '# shellcheck'
scripts=$(git ls-files -co --exclude-standard '*.sh' '*.t' .ci/run tests/behave/run bench/run | sort -u)
for script in $scripts; do
	[ -f "$script" ] || continue
	head -n 1 "$script" | grep -q python && continue
	shellcheck -x "$script" || found=1
done

if command -v cppcheck >/dev/null; then
	[ -z "${QUICK:-}" ] || exit $found
echo '# cppcheck'
	# shellcheck disable=SC2086 # a list of files
	cppcheck --quiet -j2 --std=c11 --enable=warning,portability --error-exitcode=1 --inline-suppr \
		--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=internalAstError \
		--suppress=nullPointerArithmetic --suppress=uninitvar --suppress=preprocessorErrorDirective \
		-I. -D_GNU_SOURCE -D__x86_64__ $mine || found=1
fi

if command -v clang-tidy >/dev/null; then
	echo '# clang-tidy'
	flags="-std=gnu11 -D_GNU_SOURCE -I. -include tests/lint.h $(pkg-config --cflags libseccomp libcap talloc json-c)"
	log=$(mktemp)
	# shellcheck disable=SC2086,SC2016 # lists; the inner shell expands
	echo $mine | tr ' ' '\n' | grep -vx core/base/error.c |
		xargs -P 2 -n 4 sh -c 'flags=$1; shift; clang-tidy --quiet "$@" -- $flags 2>/dev/null' sh "$flags" >"$log" || found=1
	grep -vE '^$' "$log"
	rm -f "$log"
fi
[ "$found" = 0 ] && echo 'lint: clean'
exit "$found"
