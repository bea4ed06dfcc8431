# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Paths that are translated inside the guest's processes (--fast-path auto), in the circumstances in which
# that could be told from the kernel's own calls. The whole suite can be run so, with AMPHORA_FAST_PATH=auto.
. "$LIB"

if [ "$BACKEND" = ns ]; then
	it 'says that namespaces need no fast path'
	guest --fast-path auto true
	status 0
	guest --fast-path auto --strict true
	status 0
	amphora plan --backend ns --fast-path auto --rootfs "$root"
	out_has "^fast path +the kernel's own"
else

# fast COMMAND…: guest in $where, and in $stats what stopped.
where=$root
fast() {
	rm -f "$WORK/stats"
	run env -u AMPHORA_FAST_PATH_SWITCH AMPHORA_STATS="$WORK/stats" "$AMPHORA" run --backend ptrace --rootfs "$where" --fast-path auto "$@"
	stats=$(cat "$WORK/stats")
}

# stops CALL: how often it did.
stops() {
	echo "$stats" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}

mkdir -p "$root/tmp"
for what in "signals $(turns 4)" restart pointers changes links ids "fork $(turns 2)"; do
	it "answers as the slow path: $what"
	# shellcheck disable=SC2086
	guest --fast-path off /helpers/stub $what
	out 'stub ok'
	# shellcheck disable=SC2086
	guest --fast-path auto /helpers/stub $what
	out 'stub ok'
done

for what in results signals traceme attach 'attach id' "storm $(turns 2)"; do
	for how in off auto; do
		it "waits as outside, fast path $how: $what"
		# shellcheck disable=SC2086
		run "$HELPERS/waits" $what
		out 'waits ok'
		# shellcheck disable=SC2086
		guest --fast-path $how /helpers/waits $what
		out 'waits ok'
	done
done

mkdir -p "$WORK/read-only"
echo read >"$WORK/read-only/file"
chmod 755 "$WORK/read-only"
cp "$HELPERS/spellings" "$root/bin/spellings"
# Emulated, with thousands of calls that all stop: each name and call twice instead of four times.
brief=
[ "$every" = 1 ] || brief=brief
for what in names owners cwd; do
	it "answers as the slow path, however a name is spelled: $what"
	for how in off auto; do
		rm -rf "$root/tmp/spellings"
		run "$AMPHORA" run --backend ptrace --rootfs "$root" --fast-path $how -v "$WORK/read-only:/tmp/spellings/read-only:ro" \
			/bin/spellings "$what" $brief
		status 0
		cp "$out" "$WORK/spellings.$how"
	done
	out_lacks 'and then'
	out_lacks lost
	[ "$(wc -l <"$WORK/spellings.auto")" -gt 100 ] || fail "few lines"
	diff "$WORK/spellings.off" "$WORK/spellings.auto" >"$WORK/difference" || fail "$(head -20 "$WORK/difference")"
done

it 'answers as the slow path from one place that all calls come from'
guest --fast-path off /helpers/onesite
out 'onesite ok'
guest --fast-path auto /helpers/onesite
out 'onesite ok'

if [ "$(uname -m)" = x86_64 ]; then
	for what in calls restart "race $(turns 20)"; do
		it "answers as the slow path from sites of all shapes: $what"
		# shellcheck disable=SC2086
		guest --fast-path off /helpers/sites $what
		out 'sites ok'
		# shellcheck disable=SC2086
		guest --fast-path auto /helpers/sites $what
		out 'sites ok'
	done

	it 'patches the sites of all shapes'
	cp "$HELPERS/sites" "$root/bin/sites"
	fast /bin/sites calls
	out 'sites ok'
	if [ "$(stops patched)" -lt 12 ] || [ "$(stops unpatched)" != 0 ]; then fail "$stats"; fi
fi

if [ "$(uname -m)" = aarch64 ]; then
	it 'goes on without its memory'
	guest --fast-path auto /helpers/onesite gone
	out 'onesite ok'
fi

it 'stops for few of the calls that it can make itself'
cp "$HELPERS/stub" "$root/bin/stub"
fast /bin/stub loop 500
out 'stub ok'
[ "$(stops openat)" -lt 100 ] || fail "openat: $stats"
[ "$(stops 'readlink[at]*')" -lt 100 ] || fail "readlink: $stats"

it 'changes no process with only-prepatched: what a program calls by itself goes on stopping'
prepatched() {
	rm -f "$WORK/stats"
	run env -u AMPHORA_FAST_PATH_SWITCH AMPHORA_STATS="$WORK/stats" "$AMPHORA" run --backend ptrace --fast-path only-prepatched "$@"
	stats=$(cat "$WORK/stats")
}
# What of the text of this shell is its own, no longer the file's.
dirty='for i in 1 2 3 4 5 6 7 8 9; do read x </proc/version; read x </etc/passwd; done
	while read -r first rest; do case $first$rest in *-*r-xp*) text=1 ;; *-*[0-9a-f]*:*) text= ;; esac
	[ "$text$first" != 1Anonymous: ] || echo "$rest"; done </proc/self/smaps | grep -cv "^0 kB"'
echo root >"$root/etc/passwd"
fast sh -c "$dirty"
[ "$(cat "$out")" -gt 0 ] || fail "with auto no text is changed either: $(cat "$out"), $stats"
prepatched --rootfs "$root" sh -c "$dirty"
out 0
prepatched --rootfs "$root" /bin/stub loop 500
out 'stub ok'
[ "$(stops openat)" -ge 500 ] || fail "openat: $stats"
same 0 "$(stops patched)" 'patched sites'

if [ "$(uname -m)" = x86_64 ]; then
	it 'learns the sites of libraries from processes, for those to come'
	[ -n "$DEBIAN" ] || skip 'lab: no Debian with a dynamic linker'
	many='i=0; while [ $i -lt 12 ]; do /bin/true; i=$((i + 1)); done; '
	if [ -n "$DEBIAN" ]; then
		prepatched --rootfs "$DEBIAN" sh -c "find /usr/share/doc -size +1 | wc -l; $many true"
		once=$(stops newfstatat)
		prepatched --rootfs "$DEBIAN" sh -c "find /usr/share/doc -size +1 | wc -l; $many $many find /usr/share/doc -size +1 | wc -l"
		[ "$(stops newfstatat)" -lt $((once * 3 / 2)) ] || fail "once $once, twice $stats"
		[ "$once" -gt 300 ] || fail "$once stops"
		same 0 "$(stops patched)" 'patched sites'
	fi
fi

it 'has none with --strict, whatever else is said, and tells so'
prepatched --rootfs "$root" --strict --fast-path auto /bin/stub loop 500
out 'stub ok'
[ "$(stops openat)" -ge 500 ] || fail "openat: $stats"
run env AMPHORA_FAST_PATH=auto "$AMPHORA" plan --backend ptrace --rootfs "$root" --strict
out_has '^fast path +off'
out_has '--strict was asked for'
run env AMPHORA_FAST_PATH=auto "$AMPHORA" run --debug --backend ptrace --rootfs "$root" --strict true
err_has 'fast path: off: --strict was asked for'

it 'tells in the plan what it will be, and why nothing better'
amphora plan --backend ptrace --fast-path auto --rootfs "$root"
if ! below_app 'so it may be there'; then
	out_has '^fast path +patched call sites'
	amphora plan --backend ptrace --fast-path only-prepatched --rootfs "$root"
	out_has '^fast path +patched copies of libraries'
	out_has 'only-prepatched was asked for'
	amphora plan --json --backend ptrace --fast-path only-prepatched --rootfs "$root"
	out_has '"fast_path": *"only-prepatched"'
	amphora plan --backend ptrace --fast-path auto --fake-permissions --rootfs "$root"
	out_has '^fast path +off'
	out_has '--fake-permissions'
fi
run env AMPHORA_FAST_PATH=off "$AMPHORA" plan --backend ptrace --rootfs "$root"
out_has '^fast path +off'
amphora probe --json
python3 - "$out" >"$WORK/trapped" <<'PY'
import json, sys
facts = json.load(open(sys.argv[1]))
facts["facts"]["trap_numbers"].update(status="works", value=1, text="%016x" % (1 << 5) if "x86" in __import__("platform").machine() else "%016x%016x" % (0, 1 << (80 - 64)))
json.dump(facts, sys.stdout)
PY
amphora plan --facts "$WORK/trapped" --backend ptrace --fast-path auto --rootfs "$root"
out_has '^fast path +off'
out_has 'answers fstat with SIGSYS'

it 'stops for few of the waits, and for all of them once a guest has traced'
cp "$HELPERS/waits" "$root/bin/waits"
fast /bin/waits results
out 'waits ok'
[ "$(stops wait4)" -lt 8 ] || fail "wait4: $stats"
fast sh -c '/bin/waits traceme; /bin/waits results'
out 'waits ok
waits ok'
[ "$(stops wait4)" -gt 48 ] || fail "wait4: $stats"

it 'stops for few of the files that it makes and writes to, by whatever path'
made='for i in 1 2 3 4 5 6 7 8 9 10; do echo $i >/tmp/m/$i; echo $i >>/tmp/m/$i; : >m/$i; cd m; echo $i >$i; cd ..; done'
for flags in '' '--hard-links emulated'; do
	rm -rf "$root/tmp/m"
	mkdir "$root/tmp/m"
	# shellcheck disable=SC2086
	fast $flags sh -c "cd /tmp; $made; $made; $made; cat m/7"
	out 7
	[ "$(stops 'open[at]*')" -lt 40 ] || fail "openat: $stats"
done

it 'stops for what has to get a record, or might be written to though it may not be'
mkdir -p "$root/tmp/given" "$WORK/shut"
chmod 777 "$root/tmp/given"
if as plain; then
	fast sh -c 'chown 5:6 /tmp/given; chmod 2777 /tmp/given; cd /tmp/given; for i in 1 2 3 4 5; do : >$i; stat -c %u:%g $i; done
		chmod 777 /tmp/given; for i in 6 7 8; do : >$i; stat -c %u:%g $i; done; chmod 2777 .; for i in 9; do : >$i; stat -c %u:%g $i; done'
	out '0:6
0:6
0:6
0:6
0:6
0:0
0:0
0:0
0:6'
fi
fast -v "$WORK/shut:/tmp/shut:ro" sh -c 'for i in 1 2 3 4 5 6; do (echo no >/tmp/shut/$i) 2>/dev/null || echo kept; done; mkdir -p /tmp/busy; cp /bin/busybox /tmp/busy/sleep
	/tmp/busy/sleep 2 & sleep 0.3; for i in 1 2 3 4; do : >/tmp/other; (: >/tmp/busy/sleep) 2>&1 | grep -o "Text file busy"; done'
out 'kept
kept
kept
kept
kept
kept
Text file busy
Text file busy
Text file busy
Text file busy'

it 'stops for few of the names that it makes and takes away, with their modes and times'
rm -rf "$root/tmp/stub"
fast /bin/stub loop 300
out 'stub ok'
# Real root's modes, owners and times are the tracer's: docs/security.md.
for call in unlink unlinkat rename renameat mkdir mkdirat rmdir symlink symlinkat $(as root || echo fchmod fchown utimensat); do
	[ "$(stops "$call")" -lt 30 ] 2>/dev/null || [ -z "$(stops "$call")" ] || fail "$call: $stats"
done

it 'knows where a directory or symlink that calls go through is removed, whoever does it'
fast sh -c 'cd /tmp; mkdir w v; echo 1 >v/f; for i in 1 2 3 4 5 6 7 8 9; do
	mkdir w/d; echo 2 >w/d/f; cat w/d/f /tmp/w/d/f; rm w/d/f; rmdir w/d; ln -s ../v w/d; cat w/d/f /tmp/w/d/f; rm w/d
	cat w/d/f 2>/dev/null || echo none; mv v/f v/g; cat v/f 2>/dev/null || echo none; mv v/g v/f; done | sort | uniq -c; rm -r w v'
out '     18 1
     18 2
     18 none'

if as plain; then
	it 'writes nothing to a mount that has become read-only'
	fast sh -c 'mkdir -p /tmp/part; mount -t tmpfs none /tmp/part; cd /tmp/part; for i in 1 2 3 4 5 6; do : >/tmp/part/f; : >f; done
		mount -o remount,ro /tmp/part; for i in 1 2 3 4 5; do (: >/tmp/part/f; : >f; test -w f) 2>&1 | grep -o "Read-only file system"; done'
	out "$(for i in 1 2 3 4 5; do echo 'Read-only file system'; done)"
fi

dynamic_root
it 'starts programs with their call sites patched, and their libraries are what they were'
if [ -z "$dynamic" ]; then
	skip 'lab: no dynamic linker'
else
	where=$dynamic
	fast sh -c 'i=0; while [ $i -lt 100 ]; do /bin/true || echo $?; i=$((i + 1)); done
		for i in 1 2 3; do sha256sum $(LD_TRACE_LOADED_OBJECTS=1 /bin/true | sed -n "s/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p"); done'
	succeeds
	same 6 "$(wc -l <"$out")" 'lines'
	(cd "$dynamic" && sed 's| /| |' "$out" | sha256sum -c --quiet) >"$WORK/why-not" 2>&1 || fail "$(cat "$WORK/why-not")"
	[ "$(stops openat)" -lt 150 ] || fail "openat: $stats"
	where=$root
fi

for what in 'calls /bin/true' attach; do
	it "tells a guest that traces where its program is: $what"
	if [ -z "$dynamic" ]; then
		skip 'lab: no dynamic linker'
	else
		# shellcheck disable=SC2086
		run "$AMPHORA" run --backend ptrace --rootfs "$dynamic" --fast-path auto -v "$HELPERS/told:/bin/told" /bin/told $what
		out 'told ok'
	fi
done

it 'knows emulated hard links, and stops for no other file'
fast --hard-links emulated sh -c 'mkdir /tmp/l && cd /tmp/l && echo text >a && ln a b && ln -s a c && echo plain >d &&
	for i in 1 2 3 4 5 6; do stat -c "%n %h %F" a b c d; readlink a || echo none; readlink c; read x <b; echo $x; done | sort | uniq -c'
out '      6 a
      6 a 2 regular file
      6 b 2 regular file
      6 c 1 symbolic link
      6 d 1 regular file
      6 none
      6 text'
fast --hard-links emulated /bin/stub loop 500
[ "$(stops openat)" -lt 100 ] || fail "openat: $stats"

it 'has no view but its own in a chroot, whose programs are new to it'
fast sh -c 'mkdir -p /jail/etc; cp -r /bin /jail/; echo outer >/etc/which; echo inner >/jail/etc/which
	for i in 1 2 3 4 5; do read x </etc/which; done
	chroot /jail sh -c "for i in 1 2 3 4 5; do read x </etc/which; echo \$x; done"'
out 'inner
inner
inner
inner
inner'

it 'has the same view as without: mounts, files of /proc, a chroot'
echo from-the-host >"$WORK/file"
mkdir -p "$root/etc/deep"
echo of-the-root >"$root/etc/deep/file"
fast -v "$WORK/file:/etc/deep/file" sh -c 'for i in 1 2 3 4; do cat /etc/deep/file; done; cd /etc; for i in 1 2 3 4; do cat deep/file; done
	for i in 1 2 3; do cat /proc/self/status | grep -c ^Name; done; mkdir -p /jail/etc/deep; echo jail >/jail/etc/deep/file
	cp -r /bin /jail/; cat /etc/deep/file; chroot /jail cat /etc/deep/file'
out 'from-the-host
from-the-host
from-the-host
from-the-host
from-the-host
from-the-host
from-the-host
from-the-host
1
1
1
from-the-host
jail'

it 'hides its area and says what AMPHORA_FAST_PATH and --fast-path take'
fast sh -c 'cat /proc/self/maps | grep -c -e "^[2-5][0-9a-f]\{7\}-" -e "r-xp 00000000 00:00 0 *\$" || true'
out 0
guest --fast-path always true
status 125
err_has 'off, only-prepatched or auto'

fi

done_testing
