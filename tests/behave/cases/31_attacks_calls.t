# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034,SC2086 # SC2086: lists of words
# Attacks by calls: what a guest can do to the host, to the tracer and to its view by odd arguments, odd
# moments and odd doors.
. "$LIB"

it 'the mode and the owner of the machine'\''s devices stay as they are'
devices='/dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty'
before=$(stat -c '%a %u:%g %n' $devices)
guest sh -c 'chmod 600 "$@"; chown 33:33 "$@"; echo x >/dev/null && echo writes; head -c 2 /dev/zero | wc -c' sh $devices
out_has '^writes$'
out_has '^2$'
after=$(stat -c '%a %u:%g %n' $devices)
if [ "$before" != "$after" ]; then # repaired at once
	chmod 666 $devices
	chown 0:0 $devices
fi
same "$before" "$after" 'the devices'

it 'the mode and the owner of the machine'\''s files in /proc stay as they are'
# The kernel has one /proc for the namespaces, too: as under podman, real root may do that there.
if [ "$BACKEND" = ptrace ]; then
	files='/proc /proc/uptime /proc/net'
	before=$(stat -L -c '%a %u:%g %n' $files)
	guest sh -c 'chmod 700 "$@"; chown 33:33 "$@"; /helpers/hostile fchmod /proc 0700; /helpers/hostile fchmod /proc/uptime 0
		cd /proc && chmod 700 .; chmod 0 self/cwd/uptime; ls -d /proc; chmod 622 /dev/stdout && echo stdout >/tmp/done' sh $files
	after=$(stat -L -c '%a %u:%g %n' $files)
	if [ "$before" != "$after" ]; then # repaired at once
		chmod 555 /proc
		chmod 444 /proc/uptime
		chown 0:0 /proc /proc/uptime
	fi
	same "$before" "$after" 'the files in /proc'
	out /proc
fi

it 'an fd that is swapped while the tracer writes what it shows doesn'\''t hold it up'
mkfifo "$root/tmp/fifo"
: >"$root/tmp/empty"
for path in /proc/self/maps /proc/self/uid_map; do
	guest /helpers/hostile swap /tmp/fifo "$path" 1
	out unchanged
	guest /helpers/hostile swap /tmp/empty "$path" 1
	out unchanged
done

it 'an address that changes while a call is in flight reaches no socket of the host'
"$HELPERS/hostile" listen "$WORK/s" &
listener=$!
while [ ! -S "$WORK/s.d" ]; do sleep 0.05; done
for call in connect sendto sendmsg sendmmsg; do
	run "$HELPERS/hostile" reach "$call" "$WORK/s" 5
	out "$call reached it" # the weak set-up: the host
	guest /helpers/hostile reach "$call" "$WORK/s" 2
	out "$call did not"
done
kill "$listener"

it 'sockets inside are reached by all of these calls'
guest sh -c 'cd /tmp; /helpers/hostile listen /tmp/s & while [ ! -S /tmp/s.d ]; do sleep 0.05; done
	for call in connect sendto sendmsg sendmmsg; do /helpers/hostile reach $call /tmp/s 5; done; kill $!'
out 'connect reached it
sendto reached it
sendmsg reached it
sendmmsg reached it'

it 'a SIGSYS that a process sends itself is a signal like any other'
guest /helpers/hostile forge
out 'all delivered'

it 'a filter of the guest'\''s own answers 32-bit calls with SIGSYS'
if [ "$(head -c 2 "$AMPHORA")" != '#!' ]; then # --under android: there an outer filter has trapped it before
	guest /helpers/hostile trap32
	out trapped
fi

it 'scripts are run by scripts as deep as the kernel goes, and no deeper'
guest sh -c 'cd /tmp; printf "#!/bin/echo -0\n" >s0
	for i in 1 2 3 4 5; do echo "#!/tmp/s$((i - 1)) -$i" >s$i; done
	printf "#!/tmp/loop" >loop; chmod +x s? loop
	./s4 a; ./s5 a; ./loop'
out '-0 /tmp/s0 -1 /tmp/s1 -2 /tmp/s2 -3 /tmp/s3 -4 ./s4 a'
err_has 's5.*symbolic links'
err_has 'loop.*symbolic links'

it 'serves more processes than it may open files'
run sh -c 'ulimit -n 160; exec "$@"' sh "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" /helpers/hostile many 300
out '0 failed'

# Real root would do its worst to the host's terminals.
if [ "$BACKEND" = ptrace ] && as plain; then
	it 'random calls, hostile arguments and memory that changes meanwhile do no harm to the tracer'
	canary
	for fuzzer in callfuzz callfuzz32; do
		[ -x "$HELPERS/$fuzzer" ] || continue
		[ "$fuzzer" = callfuzz ] || ! below_app '32-bit calls are trapped' || continue
		rm -rf "$WORK/fuzzed"
		cp -a "$BUSYBOX" "$WORK/fuzzed"
		run "$AMPHORA" run --backend ptrace --rootfs "$WORK/fuzzed" -v "$HELPERS:/helpers:ro" \
			"/helpers/$fuzzer" 4711 "$(turns 3000)" "$WORK/canary"
		succeeds
		out_has '^fuzz ok$'
		out_lacks 'the canary was read'
		canary_untouched
	done
fi

done_testing
