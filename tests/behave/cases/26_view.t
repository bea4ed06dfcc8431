# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# What programs that look around see: /proc, sockets' names, interfaces.
. "$LIB"

# hidden COMMAND…: guest, on a host that hides files of /proc as Android does.
mkdir "$WORK/hide"
: >"$WORK/hide/file"
chmod 000 "$WORK/hide/file"
cat >"$WORK/hide/run" <<'END'
for file in stat uptime loadavg version vmstat meminfo cpuinfo filesystems swaps diskstats \
	sys/kernel/osrelease sys/kernel/random/uuid sys/kernel/cap_last_cap sys/vm/overcommit_memory; do
	mount --bind "$1" "/proc/$file" || exit 99
done
shift
exec setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all --ambient-caps -all "$@"
END
hidden() {
	if as root; then unshare='unshare -m'; else unshare='unshare --map-current-user --keep-caps -m'; fi
	# shellcheck disable=SC2086
	run $unshare sh "$WORK/hide/run" "$WORK/hide/file" \
		"$AMPHORA" run --backend ptrace --rootfs "$root" "$@"
}

it 'hides /proc/stat for the cases below'
if [ "$BACKEND" = ptrace ]; then
	if as root; then unshare='unshare -m'; else unshare='unshare --map-current-user --keep-caps -m'; fi
	# shellcheck disable=SC2086
	run $unshare sh "$WORK/hide/run" "$WORK/hide/file" cat /proc/stat
	fails
	err_has 'Permission denied'
fi

it 'makes the files that the host hides'
if ! on ns 'its /proc is the kernel'\''s, or there is none'; then
	hidden sh -c 'for f in stat uptime loadavg version vmstat meminfo cpuinfo filesystems swaps sys/kernel/random/uuid; do
		[ -r /proc/$f ] && [ -s /proc/$f ] && grep -q . /proc/$f && echo $f; done'
	out 'stat
uptime
loadavg
version
vmstat
meminfo
cpuinfo
filesystems
swaps
sys/kernel/random/uuid'
	hidden sh -c 'uptime && free && top -b -n 1 && cat /proc/sys/kernel/cap_last_cap /proc/self/../sys/vm/overcommit_memory'
	succeeds
	out_has 'load average'
	out_has '^Mem:'
	out_has '^CPU:'
	out_has '^40$'
fi

it 'makes files whose directory is hidden'
if ! on ns 'as above'; then
	mkdir "$WORK/hide/directory"
	chmod 000 "$WORK/hide/directory"
	cat >"$WORK/hide/directories" <<'END'
mount --bind "$1" /proc/sys/kernel && mount --bind "$1" /proc/sys/fs || exit 99
shift
exec setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all --ambient-caps -all "$@"
END
	# shellcheck disable=SC2086
	run $unshare sh "$WORK/hide/directories" "$WORK/hide/directory" \
		"$AMPHORA" run --backend ptrace --hostname vessel --rootfs "$root" \
		sh -c 'cat /proc/sys/kernel/hostname /proc/sys/fs/inotify/max_user_watches; cat /proc/sys/kernel/none 2>&1 | grep -c denied'
	out 'vessel
8192
1'
fi

it 'counts the machine'\''s CPUs and memory in them'
if ! on ns 'as above'; then
	hidden sh -c 'grep -c ^processor /proc/cpuinfo; grep -c "^cpu[0-9]" /proc/stat; grep MemTotal /proc/meminfo | tr -s " "'
	out "$(getconf _NPROCESSORS_ONLN)
$(getconf _NPROCESSORS_ONLN)
$(grep MemTotal /proc/meminfo | tr -s ' ')"
fi

it 'keeps a made file live while it is open'
if ! on ns 'as above'; then
	for file in stat uptime; do
		hidden /helpers/view reread /proc/$file
		out changes
	done
fi

it 'lets nobody write to a made file'
if ! on ns 'as above'; then
	if as root; then chmod 555 /proc; fi
	proc_mode=$(stat -c %a /proc)
	hidden sh -c 'echo 1 >/proc/stat; chmod 777 /proc/stat; rm -f /proc/stat; stat -c %A /proc/stat; exec 3</proc/stat; readlink /proc/self/fd/3'
	out '-r--r--r--
/proc/stat'
	[ "$(stat -c %a /proc)" = "$proc_mode" ] || fail "the machine's /proc has mode $(stat -c %a /proc)"
fi

it 'shows the container'\''s names in /proc/sys/kernel'
guest --hostname vessel sh -c 'cat /proc/sys/kernel/hostname; [ "$(uname -r)" = "$(cat /proc/sys/kernel/osrelease)" ] && grep -q "$(uname -r)" /proc/version && echo same'
out 'vessel
same'

it 'shows the name that a namespace of the guest has'
if ! on ns 'a namespace takes CAP_SYS_ADMIN' && ! as root; then
	guest --hostname vessel sh -c 'unshare -u sh -c "hostname inner; cat /proc/sys/kernel/hostname"; cat /proc/sys/kernel/hostname'
	out 'inner
vessel'
fi

it 'shows mapped files in smaps and numa_maps as paths inside'
guest cat /proc/self/smaps /proc/self/numa_maps /proc/self/mountstats
out_has '/bin/busybox'
out_lacks "$root"

it 'shows the auxiliary vector of the program in /proc/self/auxv'
guest /helpers/view auxv
out /helpers/view

it 'opens a file of a process for reading only, under its own name'
guest sh -c 'exec 3</proc/self/status 4</proc/self/maps; for n in 3 4; do grep flags /proc/self/fdinfo/$n | tr -dc "0-9" | tail -c 1; readlink /proc/self/fd/$n; done | sed "s,/$$/,/self/,"; grep -c ^Name /proc/self/fd/3; ls /proc/self/fd/ | wc -l'
out '0/proc/self/status
0/proc/self/maps
1
6'

it 'shows whose a process is'
guest sh -c 'stat -L -c %u /proc/self; sleep 1000 & stat -c %u /proc/$!/stat; kill $!'
out '0
0'

it 'lists no process of the host with real ids either'
guest sh -c 'ls /proc | grep -c "^[0-9]"; stat -c %i /proc; stat -f -c %T /proc; cd /proc && cd self && cd .. && pwd; find /proc -maxdepth 1 -name uptime'
out_has '^proc$'
out_has '^/proc$'
out_has '^/proc/uptime$'
[ "$(head -n 1 "$out")" -lt 12 ] || fail "$(head -n 1 "$out") processes"

it 'opens a removed working directory and a removed directory by fd'
guest sh -c 'mkdir -p /tmp/a/b; cd /tmp/a/b; rmdir /tmp/a/b; ls .; stat -c %h .; exec 5<.; ls /proc/self/fd/5/; ls ..; touch n 2>/dev/null || echo no'
out '0
no'

it 'shows a stopped job as stopped'
guest sh -c 'sleep 1000 & sleep 0.3; kill -STOP $!; sleep 0.2; cut -d" " -f 2,3 /proc/$!/stat; grep State /proc/$!/status; kill -CONT $!; sleep 0.2; cut -d" " -f 3 /proc/$!/stat; kill $!'
out '(sleep) T
State:	T (stopped)
S'

it 'tells the names of unix sockets as they were bound inside'
guest /helpers/view names /tmp
out 'accept /tmp/client 14
getsockname /tmp/server 14
getpeername /tmp/client 14
recvfrom /tmp/client 14
recvmsg /tmp/client 14
recvmmsg /tmp/client 14
recvmmsg /tmp/client 14'

it 'tells them as bind() was given them, through a symlink and from the working directory'
guest sh -c 'mkdir -p /tmp/real; ln -s real /tmp/link; /helpers/view names /tmp/link | sed -n "s/^accept //p"; cd /tmp/real && /helpers/view names . | sed -n "s/^recvfrom //p"'
out '/tmp/link/client 19
./client 11'

it 'tells the ids of the container in SCM_CREDENTIALS and SO_PEERCRED'
if ! below_app 'it makes unshare(CLONE_NEWUSER) EINVAL'; then
guest /helpers/view ids
out '0:0 self
0:0 self
0:0 self
0:0'
guest --user 1000:1000 /helpers/view ids
[ "$code" != 0 ] || out '1000:1000 self
1000:1000 self
1000:1000 self
1000:1000'
if ! on ns 'a namespace takes CAP_SYS_ADMIN' && ! as root; then
	guest --user 1000:1000 sh -c 'unshare -r /helpers/view ids'
	out '0:0 self
0:0 self
0:0 self
0:0'
fi
fi

it 'makes /proc/net as the kernel'\''s'
if ! on ns 'as above'; then
	cat >"$WORK/hide/net" <<'END'
mount --bind "$1" /proc/$$/net || exit 99
shift
exec setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all --ambient-caps -all "$@"
END
	# shellcheck disable=SC2086
	run $unshare sh "$WORK/hide/net" "$WORK/hide/directory" "$AMPHORA" run --backend ptrace \
		--rootfs "$root" sh -c 'cat /proc/net/route; sort /proc/net/if_inet6; head -n 1 /proc/net/tcp | sed "s/ *$//"'
	same "$(cat /proc/net/route; sort /proc/net/if_inet6; head -n 1 /proc/net/tcp | sed "s/ *$//")" "$(cat "$out")" \
		'/proc/net'
	run sh -c 'grep -c . /proc/net/dev'
	devices=$(cat "$out")
	# shellcheck disable=SC2086
	run $unshare sh "$WORK/hide/net" "$WORK/hide/directory" "$AMPHORA" run --backend ptrace \
		--rootfs "$root" grep -c . /proc/net/dev
	out "$devices"
fi

it 'executes a memfd and a removed file by an fd that closes itself'
guest sh -c '/helpers/view memfd /helpers/view self; /helpers/view removed /helpers/view self; /helpers/view removed /helpers/view nonsense; echo $?'
out '/memfd:unnamed (deleted) 0
/tmp/removed (deleted) 0
2'

# refusing COMMAND…: guest, on a host whose probe says that it refuses rtnetlink. (That the host itself does
# takes SELinux; a filter that refused would refuse our own stand-in as well.)
refusing() {
	mkdir -p "$WORK/refusing"
	chmod 700 "$WORK/refusing"
	run env XDG_RUNTIME_DIR="$WORK/refusing" "$AMPHORA" probe
	sed -i 's/"netlink_route":{"status":"works"/"netlink_route":{"status":"fails"/' \
		"$WORK"/refusing/amphora/probe-*.json
	run env XDG_RUNTIME_DIR="$WORK/refusing" "$AMPHORA" run --backend ptrace --rootfs "$root" "$@"
}

it 'answers rtnetlink where the host refuses it'
if ! on ns 'namespaces come with rtnetlink'; then
	guest sh -c '/helpers/view interfaces; ip link show lo | head -n 1; ip addr | grep -w "inet 127"'
	truth=$(cat "$out")
	refusing sh -c '/helpers/view interfaces; ip link show lo | head -n 1; ip addr | grep -w "inet 127"'
	same "$truth" "$(cat "$out")" 'interfaces'
	out_has '^1 12 1$'
	out_has '^1 12 0$'
	below_app 'that filter is another machine to the kept probe' ||
		run env XDG_RUNTIME_DIR="$WORK/refusing" "$AMPHORA" plan --json --backend ptrace --rootfs "$root" true
	[ "${UNDER:-}" = android ] || out_has '"emulate_netlink": *true'
fi

it 'answers rtnetlink of 32-bit programs, too'
if [ ! -x "$HELPERS/view32" ] || ! "$HELPERS/view32" interfaces >/dev/null 2>&1; then
	skip 'lab: no 32-bit programs here, or no library for them'
elif ! on ns 'namespaces come with rtnetlink' && ! below_app '32-bit calls are trapped'; then
	guest sh -c '/helpers/view interfaces'
	truth=$(cat "$out")
	refusing sh -c '/helpers/view32 interfaces'
	same "$truth" "$(cat "$out")" 'interfaces'
	out_has '^1 12 1$'
fi

done_testing
