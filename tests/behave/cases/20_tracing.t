# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Guests that trace: what ptrace(2) and wait(2) say inside is what they say outside.
. "$LIB"

# as_outside TITLE TRACER MODE [HELPER]: it says inside what it says outside, of itself or of that helper.
as_outside() {
	it "$1"
	timeout 60 "$HELPERS/$2" "$3" ${4:+"$HELPERS/$4"} >"$WORK/expected" 2>&1
	guest "/helpers/$2" "$3" ${4:+"/helpers/$4"}
	succeeds
	cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 8)"
}

# trace_as_outside TRACER TITLE-PREFIX
trace_as_outside() {
	as_outside "$2"'tells the calls of a child: numbers, arguments as given, results' "$1" calls
	as_outside "$2"'tells execve with its event, its exit, or a SIGTRAP' "$1" exec
	as_outside "$2"'seizes, interrupts, listens and detaches' "$1" seize
	as_outside "$2"'attaches to what runs and what is stopped, and refuses what it must' "$1" attach
	as_outside "$2"'traces a process that is nobody'\''s child here, to its end' "$1" stranger
	as_outside "$2"'sends SIGCHLD for a stop and for the end' "$1" sigchld
	as_outside "$2"'steps, reads and writes memory' "$1" step
	as_outside "$2"'follows fork, vfork and exit' "$1" events
	as_outside "$2"'follows threads, one of which executes a program' "$1" threads
	as_outside "$2"'leaves tracees alone, or ends them, when the tracer ends' "$1" death
	as_outside "$2"'wakes the thread that waits; WNOWAIT and WNOHANG' "$1" waits
}

trace_as_outside tracer ''

# What tracers of either kind may ask at a stop, of tracees of either kind. The escapes are first seen to work
# where nothing is translated.
requests_as_outside() { # TRACER KIND OTHER
	as_outside "$2: registers of its own kind, memory" "$1" machine
	as_outside "$2: siginfo, queues, waitid and wait4" "$1" signals
	case $(uname -m):$2 in
	aarch64:'in 32 bits') ;; # architecture.md: an arm program sees no registers of a 64-bit one
	*) [ -z "$3" ] || as_outside "$2: registers of the other kind" "$1" machine "$3" ;;
	esac
	it "$2: registers that a tracer changes lead to nothing of the host"
	canary
	run "$HELPERS/$1" escape "$WORK/canary"
	out_has '^works$'
	sed 's/^works$/ENOENT/; s/^set done, stop 57f works$/set done, stop 57f ENOENT/' "$out" >"$WORK/expected"
	canary
	guest "/helpers/$1" escape "$WORK/canary"
	diff "$WORK/expected" "$out" >"$WORK/diff" || fail "$(cat "$WORK/diff")"
	canary_untouched
	it "$2: nor to the network where there is none"
	run "$HELPERS/$1" family
	out_has '^works$'
	guest --network none "/helpers/$1" family
	[ "$BACKEND" = ns ] || out_has '^EACCES$'
}

# The container's end waits for each of them.
it 'ends when tracers and tracees are killed together'
guest /helpers/tracer storm
out 'over'

both=
if ! below_app '32-bit calls are trapped' && [ -x "$HELPERS/tracer32" ] && { "$HELPERS/tracer32" nothing; [ $? = 6 ]; }; then
	both=32
	trace_as_outside tracer32 'in 32 bits: '
fi
requests_as_outside requests 'in 64 bits' "${both:+requests32}"
[ -z "$both" ] || requests_as_outside requests32 'in 32 bits' requests

it 'says who traces'
guest sh -c 'grep TracerPid /proc/self/status'
out 'TracerPid:	0'

for tracer in tracer ${both:+tracer32}; do
	# The supervisor and the host's processes have the user's own uid.
	it "attaches to nothing outside: $tracer"
	sleep 60 &
	victim=$!
	run "$HELPERS/$tracer" pid "$victim"
	out_has '^seize errno 0'
	guest "/helpers/$tracer" pid $victim
	out_lacks 'errno 0'
	guest sh -c "for p in \$PPID 1 2; do /helpers/$tracer pid \$p; done"
	[ "$BACKEND" = ns ] || out_lacks 'errno 0'
	kill $victim
	wait $victim 2>/dev/null

	if on ptrace 'rewritten paths lie in guest memory'; then
		it "lets nobody write where rewritten paths lie: $tracer"
		guest "/helpers/$tracer" guarded
		out 'child: stopped 19 event 0
poke Input/output error
poke Input/output error
child: exited 7'
	fi

	if on ptrace 'there a call may stand for several'; then
		it "tells nothing between the calls that stand for one: $tracer"
		guest --sysvipc emulated "/helpers/$tracer" between
		out '3000 stops, 0 between'
	fi

	if as plain && on ptrace 'ids are faked, so that such programs work'; then
		it "gives a set-user-ID program nothing when a plain user traces it: $tracer"
		guest sh -c "cp /helpers/resuid /tmp/r && chmod 4755 /tmp/r && chmod 755 /tmp && for how in untraced traced; do /helpers/$tracer \$how /tmp/r; done"
		out '1000 0 0
1000 1000 1000'
	fi
done
done_testing
