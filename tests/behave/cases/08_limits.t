# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Resource limits, capabilities, no_new_privs.
. "$LIB"

it 'sets a soft and a hard limit'
guest --ulimit nofile=64:128 sh -c 'ulimit -n; ulimit -Hn'
out '64
128'

it 'sets one value as both'
guest --ulimit core=0 sh -c 'ulimit -c; ulimit -Hc'
out '0
0'

it 'refuses a limit it may not raise, naming it'
guest --ulimit nofile=1048577:2000000000 true
if [ "$code" = 0 ]; then
	fail 'a limit above the kernel maximum was accepted'
else
	status 125
	err_has 'nofile|limit'
fi

it 'shows podman'\''s default capabilities'
guest grep CapBnd /proc/self/status
if on ptrace 'the capabilities of the guest are a fiction'; then
	succeeds
else
	out_has '^CapBnd:[[:space:]]+(0*800405fb|0*a80425fb|0*800425fb)$'
fi

it 'drops all capabilities on request'
guest --cap-drop ALL grep CapEff /proc/self/status
if on ptrace 'the capabilities of the guest are a fiction'; then
	succeeds
else
	out_has '^CapEff:[[:space:]]+0+$'
fi

it 'keeps one that was added'
guest --cap-drop ALL --cap-add NET_BIND_SERVICE grep CapEff /proc/self/status
if on ptrace 'the capabilities of the guest are a fiction'; then
	succeeds
else
	out_has '^CapEff:[[:space:]]+0+400$'
fi

it 'leaves no inheritable and no ambient capability'
guest grep -E 'Cap(Inh|Amb)' /proc/self/status
out_lacks '[1-9a-f]$'

it 'sets no_new_privs'
guest grep NoNewPrivs /proc/self/status
if as plain && on ptrace 'it is hidden: with faked ids set-id programs work'; then
	out_has '0$'
else
	out_has '1$'
fi

it 'clears no_new_privs when asked'
guest --security-opt no-new-privileges=false grep NoNewPrivs /proc/self/status
if [ "$code" = 125 ] && on ptrace 'a filter needs no_new_privs'; then
	err_has privileges
elif [ "$BACKEND" = ptrace ]; then
	succeeds
else
	out_has '0$'
fi

it 'runs under a system-call filter'
guest grep '^Seccomp:' /proc/self/status
out_has '2$'

it 'runs without one when unconfined'
guest --security-opt seccomp=unconfined grep '^Seccomp:' /proc/self/status
if on ptrace 'the filter is how it sees calls'; then
	out_has '2$'
else
	out_has '0$'
fi

it 'masks the kernel files that podman masks'
guest sh -c 'for f in /proc/kcore /proc/keys /proc/timer_list; do test ! -s $f || { cat $f 2>/dev/null | head -c 1 | wc -c; }; done'
out_lacks '^1$'

it 'refuses writes to /proc/sys and /proc/sysrq-trigger'
guest sh -c 'echo 1 >/proc/sys/vm/overcommit_memory; echo h >/proc/sysrq-trigger; echo $?' 2>/dev/null
out_has '^1$'

it 'refuses mounting without the capability'
guest mount -t tmpfs none /mnt
fails

done_testing
