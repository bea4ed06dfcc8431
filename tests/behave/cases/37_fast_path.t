# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Paths that are translated inside the guest's processes (--fast-path auto), in the circumstances in which
# that could be told from the kernel's own calls. The whole suite can be run so, with AMPHORA_FAST_PATH=auto.
. "$LIB"

if [ "$BACKEND" = ns ]; then
	it 'says that namespaces need no fast path'
	guest --fast-path auto true
	status 0
else

# fast COMMAND…: guest, and in $stats what stopped.
fast() {
	rm -f "$WORK/stats"
	run env -u AMPHORA_FAST_PATH_SWITCH AMPHORA_STATS="$WORK/stats" "$AMPHORA" run --backend ptrace --rootfs "$root" --fast-path auto "$@"
	stats=$(cat "$WORK/stats")
}

# stops CALL: how often it did.
stops() {
	echo "$stats" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}

mkdir -p "$root/tmp"
for what in 'signals 4' restart pointers changes links 'fork 2'; do
	it "answers as the slow path: $what"
	# shellcheck disable=SC2086
	guest --fast-path off /helpers/stub $what
	out 'stub ok'
	# shellcheck disable=SC2086
	guest --fast-path auto /helpers/stub $what
	out 'stub ok'
done

mkdir -p "$WORK/read-only"
echo read >"$WORK/read-only/file"
chmod 755 "$WORK/read-only"
cp "$HELPERS/spellings" "$root/bin/spellings"
for what in names owners cwd; do
	it "answers as the slow path, however a name is spelled: $what"
	for how in off auto; do
		rm -rf "$root/tmp/spellings"
		run "$AMPHORA" run --backend ptrace --rootfs "$root" --fast-path $how -v "$WORK/read-only:/tmp/spellings/read-only:ro" \
			/bin/spellings "$what"
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

it 'stops for few of the calls that it can make itself'
cp "$HELPERS/stub" "$root/bin/stub"
fast /bin/stub loop 500
out 'stub ok'
[ "$(stops openat)" -lt 100 ] || fail "openat: $stats"
[ "$(stops 'readlink[at]*')" -lt 100 ] || fail "readlink: $stats"

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
err_has 'off or auto'

fi

done_testing
