# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# System V IPC, the kernel's and the tracer's own: on ptrace every call here is emulated. What the helper prints
# is compared with what it prints outside.
. "$LIB"

emulated=
[ "$BACKEND" = ns ] || emulated='--sysvipc emulated'
# ipc COMMAND…: in a container with such calls.
# shellcheck disable=SC2086 # words
ipc() { guest $emulated "$@"; }

# as_outside HELPER WORDS…: it does in the container what it does outside.
as_outside() {
	helper=$1
	shift
	"$HELPERS/$helper" "$@" >"$WORK/expected"
	ipc "/helpers/$helper" "$@"
	succeeds
	cmp -s "$WORK/expected" "$out" || fail "$helper $*: $(diff "$WORK/expected" "$out" | head -n 8)"
}

# Its keys are the same for all: one at a time. A run that was killed leaves them.
clean() {
	for key in 1 2 3; do
		for kind in M S Q; do ipcrm -$kind $((0x5eed0000 + key)); done
	done
} >/dev/null 2>&1

it 'answers a long list of calls as the kernel does'
clean
as_outside sysvipc
clean

it 'blocks and wakes, by another process, a signal, a removal'
as_outside sysvipc-life blocking

it 'is interrupted by a signal as soon as it counts as waiting'
as_outside sysvipc-life signalled "$(turns 300)"
one="taskset -c $(taskset -cp $$ | sed 's/.*[:, -]//')"
if on ptrace 'below a filter that traps the calls, another takes the place of each' && as plain && ! below_app 'we are there already'; then
	# On one processor the signal comes before that other call is made.
	# shellcheck disable=SC2086 # words
	run $one "$HELPERS/android-app" "$AMPHORA" run --backend ptrace --rootfs "$root" /helpers/sysvipc-life signalled "$(turns 300)"
	cmp -s "$WORK/expected" "$out" || fail "trapped: $(excerpt "$out")"
fi

it 'loses no wake-up to signals that nobody handles'
as_outside sysvipc-life pingpong $((1500 / every))
if on ptrace 'below a filter that traps the calls, each takes other stops' && as plain && ! below_app 'we are there already'; then
	for turn in 1 2 3 4; do
		run "$HELPERS/android-app" "$AMPHORA" run --backend ptrace --rootfs "$root" /helpers/sysvipc-life pingpong $((1500 / every))
		cmp -s "$WORK/expected" "$out" || fail "trapped: $(excerpt "$out")"
	done
fi

it 'undoes what a process did, however it ends'
as_outside sysvipc-life undo

it 'counts who has a segment attached'
as_outside sysvipc-life attached

for seed in 1 2 3; do
	it "keeps its sums in a storm of three processes, seed $seed"
	as_outside sysvipc-life storm $seed "$(turns 400)"
done

it 'answers 32-bit programs, by ipc(2) where they have that'
if below_app '32-bit calls are trapped'; then :; elif [ -x "$HELPERS/ipc32" ]; then as_outside ipc32; else skip 'lab: no compiler for 32-bit programs here'; fi

it 'shows the container its own objects in /proc and to ipcs, and no others'
outside=$(ipcmk -M 4096 | grep -o '[0-9]*$')
if [ -n "$DEBIAN" ]; then
	root=$DEBIAN
	ipc sh -c 'ipcmk -M 5000 >/dev/null && ipcmk -S 3 >/dev/null && ipcmk -Q >/dev/null && ipcs | grep -c ^0x
		tail -n +2 /proc/sysvipc/shm | awk "{print \$3, \$4, \$7, \$8}"; tail -n +2 /proc/sysvipc/sem | awk "{print \$3, \$4}"; tail -n +2 /proc/sysvipc/msg | awk "{print \$3, \$4}"
		ipcrm -a; cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | wc -l; ipcs -l | grep -c 32000'
	out '3
644 5000 0 0
644 3
644 0
3
3'
	root=$WORK/root
else
	skip 'no Debian root'
fi
ipcs -m -i "$outside" 2>/dev/null | grep -q "shmid=$outside" || fail 'the segment outside is gone'
ipcrm -m "$outside"

if [ "$BACKEND" = ptrace ]; then
	it 'names a mapped segment as the kernel does, and leaves no file behind'
	view=$(ipc /helpers/sysvipc-life maps && cat "$out")
	same '/SYSV5eed0009 (deleted)' "$view" 'in maps'
	find "$WORK/home" /run/amphora-view -path '*/shm/*' 2>/dev/null | grep -q . && fail 'a segment stays behind'

	it 'gives each IPC namespace of a guest its own'
	if as plain && below_app 'it makes unshare(CLONE_NEWUSER) EINVAL'; then
		:
	elif as plain; then
		ipc sh -c '/helpers/sysvipc-life make && /helpers/sysvipc-life find && unshare -Ui /helpers/sysvipc-life find; /helpers/sysvipc-life find'
		out 'make: 0
find: 0
find: ENOENT
find: 0'
	else
		ipc unshare -i true
		fails
	fi

	it 'says when a filter around it answers the calls, which no tracer sees then'
	if ! below_app 'it traps them'; then
		run "$HELPERS/deny" shmget,semget,msgget "$AMPHORA" plan --backend ptrace --rootfs "$root" true
		out_has 'no System V IPC: a filter around us'
		run "$HELPERS/deny" shmget,semget,msgget "$AMPHORA" run --backend ptrace --sysvipc emulated --rootfs "$root" true
		refused 'a filter around us answers the calls'
	fi

	it 'is emulated by itself where a filter traps the calls'
	if as plain && ! below_app 'we are there already'; then
		run "$HELPERS/android-app" "$AMPHORA" run --backend ptrace --rootfs "$root" /helpers/sysvipc-life make
		out 'make: 0'
		run "$HELPERS/android-app" "$AMPHORA" run --backend ptrace --sysvipc kernel --rootfs "$root" /helpers/sysvipc-life make
		out 'make: ENOSYS'
	fi
fi

if [ "$BACKEND" = ptrace ]; then
	it "gives POSIX shared memory a place where the machine's /dev has none, as Android's"
	mkdir -p "$WORK/dev" "$WORK/devs"
	: >"$WORK/dev/null"
	proot() { run "$(dirname "$AMPHORA")/proot" -r "$root" -w / "$@"; }
	proot -b "$WORK/dev:/dev" sh -c 'echo kept >/dev/shm/object && cat /dev/shm/object && stat -c %a /dev/shm && cp /bin/busybox /dev/shm/ && mv /dev/shm/object /dev/shm/other && ls /dev/shm'
	out 'kept
1777
busybox
other'
	[ ! -e "$WORK/dev/shm" ] || fail 'it was made on the machine'
	mkdir "$WORK/devs/shm"
	proot -b "$WORK/devs:/dev" sh -c 'echo own >/dev/shm/object'
	same own "$(cat "$WORK/devs/shm/object")" "the machine's own"
fi

it "is refused by namespaces, which have the kernel's"
guest --sysvipc emulated true
if on ns 'there is nothing to emulate'; then refused 'facet ipc'; else succeeds; fi

it 'takes only the three words'
guest --sysvipc sometimes true
refused 'auto, kernel or emulated'

done_testing
