# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Guests that install seccomp filters themselves: what those answer counts, and for nothing that the guest
# didn't call.
. "$LIB"

# as_outside MODE TITLE
as_outside() {
	it "$2: $helper"
	timeout 60 "$HELPERS/$helper" "$1" >"$WORK/expected" 2>"$WORK/expected-err"
	expected=$?
	guest "/helpers/$helper" "$1"
	status "$expected"
	[ -s "$WORK/expected" ] || fail 'it prints nothing outside either'
	cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 8)"
}

both=
if ! below_app '32-bit calls are trapped' && "$HELPERS/filters32" stack >/dev/null 2>&1; then both=filters32; fi # else no such programs here
for helper in filters $both; do
	as_outside errno 'answers the errno of a filter, whoever else would answer the call'
	as_outside kill 'kills for a filter, the process or the thread'
	as_outside log 'lets calls go on that a filter only logs'
	as_outside trace 'answers ENOSYS for RET_TRACE when nobody traces, notified calls too'
	as_outside notif 'answers ENOSYS for RET_USER_NOTIF without a listener'
	as_outside trap 'tells SIGSYS of the call as it was made'
	as_outside stack 'takes the newest of the least answers'
	as_outside pointers 'keeps a filter that compares pointers from seeing rewritten ones'
	as_outside narrow 'needs no call that a list of allowed calls lacks'
	as_outside execute 'executes programs under a filter that would refuse the loader'\''s calls'
	as_outside threads 'gives all threads a filter, or none'
	as_outside refused 'refuses what the kernel refuses'
	as_outside traced 'asks the guest that traces, with the filter'\''s data, and obeys'
done

if on ptrace 'a listener could let calls continue that were never looked at'; then
	it 'has no listeners, as kernels before 5.0'
	guest /helpers/filters listener
	out 'listener: Invalid argument
user_notif: Operation not supported
sizes: Invalid argument'
fi
if on ptrace 'path translation holds no other' && ! below_app '$AMPHORA is a script that starts it there'; then
	it 'says in one line that amphora can'\''t run inside its own path translation'
	mkdir -p "$root/inner/bin" "$root/inner/proc"
	cp "$root/bin/busybox" "$root/inner/bin/sh"
	cp "$AMPHORA" "$root/bin/amphora"
	for how in '' '--backend ptrace' '--backend ns'; do
		# shellcheck disable=SC2086 # words
		guest amphora run $how --rootfs /inner sh -c 'echo inner'
		refused 'inside amphora on path translation'
	done
fi

# tracers TITLE: a case for which $root gets PRoot and strace.
tracers() {
	it "$1"
	[ -n "$TRACERS" ] || skip 'no root with PRoot and strace could be made'
	[ -n "$TRACERS" ]
}

[ -z "$TRACERS" ] || cp -a "$TRACERS/." "$root/"
# Debian 12's is 5.1, which finds no use for a filter since Linux 4.8; 5.4 does.
[ -z "$PROOT" ] || cp "$PROOT" "$root/bin/proot"
for without in '' PROOT_NO_SECCOMP=1; do
	if tracers "runs PRoot ${without:-with its seccomp filter}"; then
		guest ${without:+-e "$without"} proot -v 1 -r /inner -w / /bin/sh -c \
			'cd /tmp; pwd; ls -d /inner; cat /etc/hostname; id -u; stat -c %n /bin/sh; (cd /etc && ls h*)'
		succeeds
		out '/tmp
rootfs-hostname
0
/bin/sh
hostname
hosts'
		[ -n "$without" ] || [ -z "$PROOT" ] || err_has 'seccomp mode 2. enabled'
	fi
done

if tracers 'shows strace the same with a seccomp filter as without'; then
	calls=execve,openat,newfstatat,stat,getcwd,getuid,geteuid,getppid,uname,fork,vfork,clone,exit_group
	for how in '' --seccomp-bpf; do
		guest strace $how -f -e "trace=$calls" -o '|sed "s/0x[0-9a-f]*/P/g" >/tmp/one'"$how" stat -c %n /etc/passwd
		succeeds
		# Which of two processes is first differs: the names will do.
		guest strace $how -f -e "trace=$calls" -e signal=none -o '|grep -v resumed | sed "s/^[0-9]* *//; s/[ (].*//" | sort >/tmp/all'"$how" \
			sh -c 'cd /etc; uname -n >/dev/null; (ls -d /tmp; pwd -P); id -u; stat -c %n /etc/passwd'
		succeeds
	done
	guest cat /tmp/all
	out_has '^getcwd'
	out_has '^(newfstat|stat)'
	out_has '^geteuid|^getuid'
	guest sh -c 'sed "s/^[0-9]* *//" /tmp/one >/tmp/a; sed "s/^[0-9]* *//" /tmp/one--seccomp-bpf >/tmp/b; diff /tmp/a /tmp/b; diff /tmp/all /tmp/all--seccomp-bpf'
	out ''
fi
done_testing
