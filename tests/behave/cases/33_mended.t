# shellcheck shell=sh disable=SC1090,SC2154,SC2016
# What was broken once and belongs to no other file.
. "$LIB"

it 'clone(CLONE_PARENT) makes processes that live, even after another was killed'
guest /helpers/kin siblings $((3000 / every))
out 'lost 0'

it 'threads that execute scripts at once with many arguments don'\''t get each other'\''s'
printf '#!/bin/sh\neval echo $1 \\${$#} $#\n' >"$root/script"
chmod 755 "$root/script"
guest /helpers/kin arguments $((25 / every))
out 'wrong 0'

it 'a magic link that is read by an fd of its own shows the guest its own path'
guest sh -c 'for l in exe cwd root; do /helpers/fds link /proc/self/$l; done; /helpers/fds link /bin/sh'
out "$(printf '%s\n' /helpers/fds / / busybox)"

if as root; then
	it 'a user executes only what its class of the mode lets it, and is told so'
	for mode in 744 700 711 755; do
		cp "$root/bin/busybox" "$root/bin/only$mode"
		printf '#!/bin/only%s echo\n' $mode >"$root/bin/script$mode"
		chmod $mode "$root/bin/only$mode" "$root/bin/script$mode"
	done
	mkdir "$root/bin/private"
	cp "$root/bin/busybox" "$root/bin/private/echo"
	chmod 700 "$root/bin/private"
	guest --user 1000 sh -c 'for f in only744 only700 script744 private/echo only755; do
		/bin/$f 2>/dev/null; echo "$f $?"; done'
	out "$(printf '%s\n' 'only744 126' 'only700 126' 'script744 126' 'private/echo 126' 'only755 127')"
	guest --user 1000 sh -c '/bin/only711 2>/dev/null; echo $?'
	if on ptrace 'the loader has to read the file'; then out 126; else out 127; fi
fi

if as root && [ "$BACKEND" = ptrace ]; then
	it 'what all of the machine uses keeps its mode, owner and times: /proc and devices'
	before=$(stat -c '%a %u %Y' /proc /dev/full /dev/tty)
	guest sh -c 'for f in /proc /proc/uptime /dev/full /dev/tty; do
		chmod 640 $f; chown 7 $f; touch -d @1000 $f; done 2>&1 | grep -Evc "not permitted|Read-only"
		exec 3</proc 4</dev/full; chmod 640 /proc/self/fd/3; chmod 640 /proc/self/fd/4; cd /proc; chmod 640 .
		grep -c . /proc/uptime; echo x >/dev/full; chmod 600 /etc/hosts /dev/shm && echo own'
	same "$before" "$(stat -c '%a %u %Y' /proc /dev/full /dev/tty)" 'the host'
	out "$(printf '0\n1\nown')"
fi

it 'an open that waits, for a lease or a FIFO, is made again as it was after a handler has opened other files'
if ! below_app 'openat2 is missing, unlike outside'; then
mkdir -p "$WORK/leased" "$root/leased"
run "$HELPERS/leased" "$WORK/leased"
succeeds
cp "$out" "$WORK/expected"
guest /helpers/leased /leased
succeeds
out "$(cat "$WORK/expected")"
fi

# Linux 6.11 and 6.12 let such files be written.
it 'the file of a running program is not written to'
cat >"$WORK/busy" <<'END'
cd "$1" && rm -f busybox link && cp "$2" busybox && ln -s busybox link && chmod 755 busybox
./busybox sleep 60 &
for i in 1 2 3 4 5 6 7 8 9; do [ "$(readlink "/proc/$!/exe")" != "$PWD/busybox" ] || break; sleep 0.3; done
for file in busybox link; do
	(echo x >>$file) 2>/dev/null || echo busy
	truncate -s 5 $file 2>/dev/null || echo busy
done
cmp busybox "$2" && cp busybox copy && echo x >>copy && rm copy && mv busybox other && echo read
kill $! && wait $! 2>/dev/null
echo x >>other && echo written
END
mkdir -p "$WORK/native" "$root/native"
cp "$WORK/busy" "$root/busy"
run sh "$WORK/busy" "$WORK/native" "$BUSYBOX/bin/busybox"
cp "$out" "$WORK/expected"
guest sh /busy /native /bin/busybox
if [ "$BACKEND" = ptrace ]; then printf 'busy\nbusy\nbusy\nbusy\nread\nwritten\n' >"$WORK/expected"; fi
out "$(cat "$WORK/expected")"

if [ "$BACKEND" = ptrace ]; then
	it 'no thread is counted on for ever that was killed while it executed a program'
	run env LC_ALL=C "${AMPHORA%/*}/proot" -r "$root" -w / /helpers/kin execute "$(turns 800)"
	succeeds
	out 'done'

	it 'what nohup has the caller ignore, a program under PRoot'\''s front ignores, and no more'
	run sh -c "trap '' HUP; exec \"\$@\"" sh env LC_ALL=C "${AMPHORA%/*}/proot" -r "$root" -b /proc -w / \
		grep SigIgn /proc/self/status
	out 'SigIgn:	0000000000000001'
fi
done_testing
