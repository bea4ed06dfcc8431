# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# A real distribution: Debian 12 made by mmdebstrap.
. "$LIB"

[ -n "$DEBIAN" ] || { it 'has a Debian root'; skip 'needs root to make one'; done_testing; exit; }

# Writes go to the shared root: each case cleans up.
debian() { run "$AMPHORA" run --backend "$BACKEND" --rootfs "$DEBIAN" "$@"; }
time_limit=240

it 'runs dynamically linked programs'
debian bash -c 'echo $BASH_VERSION; ls --version | head -n 1'
succeeds
out_has coreutils

if [ "$BACKEND" = ptrace ] && [ "$(uname -m)" = x86_64 ]; then
	it 'starts programs with their call sites patched, which no reader of their libraries sees'
	fast() { run env -u AMPHORA_FAST_PATH_SWITCH AMPHORA_STATS="$WORK/stats" "$AMPHORA" run --backend ptrace --rootfs "$DEBIAN" --fast-path auto "$@"; }
	many='i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done
		for i in 1 2 3; do sha256sum /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2; done | sort -u
		cut -d " " -f 3- /proc/self/maps | grep -E "/ld-linux|/libc"
		LD_TRACE_LOADED_OBJECTS=1 /bin/true | cut -d " " -f 1'
	debian --fast-path off sh -c "$many"
	cp "$out" "$WORK/expected"
	fast sh -c "$many"
	succeeds
	cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 5)"
	stops=$(sed -n 's/.*"openat":\([0-9]*\).*/\1/p' "$WORK/stats")
	[ "$stops" -lt 150 ] || fail "$(cat "$WORK/stats")"

	it 'leaves a replaced library out of its copies'
	fast sh -c 'cp /lib64/ld-linux-x86-64.so.2 /tmp/ld.so; cp -r /lib/x86_64-linux-gnu/libc.so.6 /tmp/
		i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i + 1)); done
		ld=$(readlink -f /lib64/ld-linux-x86-64.so.2); cp /tmp/ld.so $ld.new; mv $ld.new $ld
		/bin/true && awk "/ld-linux/ { print \$5; exit }" /proc/self/maps >/tmp/inode; ls -i $ld | cut -d " " -f 1 | cmp - /tmp/inode && echo same'
	out 'same'
fi

it 'runs perl'
debian perl -e 'use POSIX; print join(",", (POSIX::uname())[0], map { $_ * 2 } 1..3), "\n"'
out 'Linux,2,4,6'

it 'runs python3, with subprocesses'
debian python3 -c 'import subprocess, os, tempfile
print(subprocess.check_output(["echo", "from python"]).decode().strip())
with tempfile.NamedTemporaryFile() as f: print(os.path.exists(f.name))'
out 'from python
True'

it 'compiles and runs a program with gcc'
debian sh -c 'cd /tmp && printf "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 3; }\n" >t.c && gcc -O1 -o t t.c && ./t; echo $?; rm -f t t.c'
out 'compiled
3'

it 'builds with make -j2'
debian sh -c 'mkdir -p /tmp/m && cd /tmp/m && for i in 1 2 3 4 5 6 7 8; do echo "int f$i(void) { return $i; }" >f$i.c; done; printf "all: \$(patsubst %%.c,%%.o,\$(wildcard *.c))\n" >Makefile; make -j2 >/dev/null && ls *.o | wc -l; rm -rf /tmp/m'
out 8

it 'clones a local repository with git'
debian sh -c 'rm -rf /tmp/r /tmp/c; git init -q /tmp/r && cd /tmp/r && echo a >a && git add a && git -c user.name=a -c user.email=a@b commit -q -m first && git clone -q /tmp/r /tmp/c && cat /tmp/c/a && git -C /tmp/c log --format=%s; git -C /tmp/c status --porcelain; rm -rf /tmp/r /tmp/c'
out 'a
first'

it 'verifies its packages with dpkg -V'
debian dpkg -V
succeeds
out_lacks '^missing'

it 'walks the whole root with find'
debian sh -c 'find / -xdev 2>&1 >/dev/null | head -n 5; find / -xdev -type f | wc -l'
succeeds
err_empty
[ "$(tail -n 1 "$out")" -gt 5000 ] || fail "only $(tail -n 1 "$out") files"

it 'packs and unpacks with tar'
debian sh -c 'rm -rf /tmp/x; mkdir /tmp/x; tar -C /usr/share -cf - perl | tar -C /tmp/x -xf -; diff -r /usr/share/perl /tmp/x/perl && echo same; rm -rf /tmp/x'
out same

it 'runs tmux through -t'
run script -qec "'$AMPHORA' run --backend $BACKEND --rootfs '$DEBIAN' -it sh -c 'tmux new-session -d \"echo in-tmux >/tmp/tmux-was; sleep 1\"; sleep 0.7; cat /tmp/tmux-was; rm -f /tmp/tmux-was'" /dev/null
out_has in-tmux

it 'installs a package with apt'
debian sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq hello >/dev/null && hello && apt-get purge -y -qq hello >/dev/null'
mirror=$(sed -n 's|^[^#]*https\?://\([^/ ]*\).*|\1|p' "$DEBIAN"/etc/apt/sources.list* "$DEBIAN"/etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
if [ "$code" != 0 ] && ! getent hosts "$mirror" >/dev/null; then
	skip "lab: no package mirror can be reached from here"
else
	succeeds
	out_has 'Hello, world!'
fi

it 'runs it all as another user'
debian -u 33:33 sh -c 'id -u; python3 -c "import os; print(os.getuid())"'
if [ "$code" = 125 ] && as plain && on ns 'one mapped id can only be root'; then :; else
	out '33
33'
fi

done_testing
