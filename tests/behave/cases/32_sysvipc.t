# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# System V IPC, the kernel's and the tracer's own: on ptrace every call here is emulated. What the helper prints
# is compared with what it prints outside.
. "$LIB"

emulated=
[ "$BACKEND" = ns ] || emulated='--sysvipc emulated'
# ipc COMMAND…: in a container with such calls.
# shellcheck disable=SC2086 # words
ipc() { guest $emulated "$@"; }

# as_outside WORDS…: the helper does in the container what it does outside.
as_outside() {
	"$HELPERS/sysvipc" "$@" >"$WORK/expected"
	ipc /helpers/sysvipc "$@"
	succeeds
	cmp -s "$WORK/expected" "$out" || fail "$*: $(diff "$WORK/expected" "$out" | head -n 8)"
}

# Its keys are the same for all: one at a time. A run that was killed leaves them.
clean() {
	for key in 1 2 3; do
		for kind in M S Q; do ipcrm -$kind $((0x5eed0000 + key)); done
	done
} >/dev/null 2>&1

it 'answers a long list of calls as the kernel does'
clean
as_outside calls
clean

it 'blocks and wakes, by another process, a signal, a removal'
as_outside blocking

it 'undoes what a process did, however it ends'
as_outside undo

it 'counts who has a segment attached'
as_outside attached

for seed in 1 2 3; do
	it "keeps its sums in a storm of three processes, seed $seed"
	as_outside storm $seed 400
done

it "is refused by namespaces, which have the kernel's"
guest --sysvipc emulated true
if on ns 'there is nothing to emulate'; then refused 'facet ipc'; else succeeds; fi

it 'takes only the three words'
guest --sysvipc sometimes true
refused 'auto, kernel or emulated'

done_testing
