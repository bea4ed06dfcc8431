# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Guests that trace: what ptrace(2) and wait(2) say inside is what they say outside.
. "$LIB"

# as_outside MODE TITLE
as_outside() {
	it "$2"
	timeout 60 "$HELPERS/tracer" "$1" >"$WORK/expected" 2>&1
	guest /helpers/tracer "$1"
	succeeds
	cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 8)"
}

as_outside calls 'tells the calls of a child: numbers, arguments as given, results'
as_outside exec 'tells execve with its event, its exit, or a SIGTRAP'
as_outside seize 'seizes, interrupts, listens and detaches'
as_outside attach 'attaches to what runs and what is stopped, and refuses what it must'
as_outside stranger 'traces a process that is nobody'\''s child here, to its end'
as_outside sigchld 'sends SIGCHLD for a stop and for the end'
as_outside step 'steps, reads and writes memory'
as_outside events 'follows fork, vfork and exit'
as_outside threads 'follows threads, one of which executes a program'
as_outside death 'leaves tracees alone, or ends them, when the tracer ends'
as_outside waits 'wakes the thread that waits; WNOWAIT and WNOHANG'

# The container's end waits for each of them.
it 'ends when tracers and tracees are killed together'
guest /helpers/tracer storm
out 'over'

it 'says who traces'
guest sh -c 'grep TracerPid /proc/self/status'
out 'TracerPid:	0'

# The supervisor and the host's processes have the user's own uid.
it 'attaches to nothing outside'
sleep 60 &
victim=$!
run "$HELPERS/tracer" pid "$victim"
out_has '^seize errno 0'
guest /helpers/tracer pid $victim
out_lacks 'errno 0'
guest sh -c 'for p in $PPID 1 2; do /helpers/tracer pid $p; done'
[ "$BACKEND" = ns ] || out_lacks 'errno 0'
kill $victim
wait $victim 2>/dev/null

if on ptrace 'rewritten paths lie in guest memory'; then
	it 'lets nobody write where rewritten paths lie'
	guest /helpers/tracer guarded
	out 'child: stopped 19 event 0
poke Input/output error
poke Input/output error
child: exited 7'
fi

if on ptrace 'there a call may stand for several'; then
	it 'tells nothing between the calls that stand for one'
	guest --sysvipc emulated /helpers/tracer between
	out '3000 stops, 0 between'
fi

if as plain && on ptrace 'ids are faked, so that such programs work'; then
	it 'gives a set-user-ID program nothing when a plain user traces it'
	guest sh -c 'cp /helpers/resuid /tmp/r && chmod 4755 /tmp/r && chmod 755 /tmp && for how in untraced traced; do /helpers/tracer $how /tmp/r; done'
	out '1000 0 0
1000 1000 1000'
fi
done_testing
