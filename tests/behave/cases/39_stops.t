# shellcheck shell=sh disable=SC1090,SC2154
# What calls cost, counted in ptrace stops, which have no noise: no more than bench/limits says.
. "$LIB"
limits=$(dirname "$LIB")/limits
scratch=$WORK/scratch

# stops MODE COMMAND…: sets $stops to those of a run of it in $where, 'none' when it failed.
stops() {
	mode=$1
	shift
	rm -f "$WORK/stats"
	run env -u AMPHORA_FAST_PATH_SWITCH AMPHORA_STATS="$WORK/stats" "$AMPHORA" run --backend ptrace --fast-path "$mode" --rootfs "$where" \
		-v "$scratch:/tmp" -v "$HELPERS/micro:/bin/micro" "$@"
	succeeds
	stops=$(sed -n 's/.*"stops":\([0-9]*\).*/\1/p' "$WORK/stats")
	[ -n "$stops" ] || stops=none
}

# per_operation MODE ROW: sets $cost to the stops of one operation of a row, by runs of many and of none.
per_operation() {
	n=1000
	case $2 in
	fork* | spawn* | thread* | pipe*) n=50 ;;
	*tracees) n=10000 ;; # some hundred stops are those processes' ends
	esac
	stops "$1" /bin/micro count /tmp "$2" 0
	none=$stops
	stops "$1" /bin/micro count /tmp "$2" "$n"
	cost=$(awk -v many="$stops" -v none="$none" -v n="$n" 'BEGIN { printf "%.3f", (many - none) / n }')
}

# within LIMIT COST
within() { awk -v limit="$1" -v cost="$2" 'BEGIN { exit !(cost <= limit) }'; }

# row_within MODE LIMIT ROW
row_within() {
	per_operation "$1" "$3"
	within "$2" "$cost" || fail "fast path $1: $cost stops an operation, bench/limits has $2"
}

where=$root
mkdir -m 777 "$scratch"
if [ "$BACKEND" = ns ]; then
	it 'counts no stops, since namespaces have none'
	guest --rm -v "$HELPERS/micro:/bin/micro" /bin/micro count /tmp stat 10
	succeeds
else

it 'counts at least one stop for a call that is known to need it, and more than a limit of less'
per_operation off stat
within 0.9 "$cost" && fail "stat costs $cost stops: nothing is counted"
out ''

tab=$(printf '\t')
grep -v '^#' "$limits" >"$WORK/limits"
while IFS=$tab read -r slow fast app row <&3; do
	it "stops no more often than bench/limits has it: $row"
	where=$root
	! below_app 'what Android does not list comes by SIGSYS' || slow=$app fast=$app
	case $row in
	'spawn dynamic' | 'run dynamic')
		dynamic_root
		where=$dynamic
		[ -n "$where" ] || skip 'lab: no dynamic linker'
		;;
	esac
	[ -n "$where" ] || continue
	case $row in
	'run '*)
		stops off /bin/true
		within "$slow" "$stops" || fail "fast path off: $stops stops, bench/limits has $slow"
		stops auto /bin/true
		within "$fast" "$stops" || fail "fast path auto: $stops stops, bench/limits has $fast"
		;;
	*)
		row_within off "$slow" "$row"
		row_within auto "$fast" "$row"
		;;
	esac
done 3<"$WORK/limits"

# What a stop costs the tracer, in instructions: nothing else here would tell that a table is searched longer.
# instructions ROW FLAGS…: sets $cost
instructions() {
	row=$1
	shift
	run "$HELPERS/instructions" "$row" 20 "$AMPHORA" run --rm -i --backend ptrace --fast-path off --rootfs "$root" \
		-v "$scratch:/tmp" -v "$HELPERS/micro:/bin/micro" "$@" /bin/micro serve /tmp
	succeeds
	cost=$(cat "$out")
}

if [ "$(uname -m)" = x86_64 ] && [ "${UNDER:-}" = '' ]; then
	grep -v '^#' "$(dirname "$LIB")/limits.instructions" >"$WORK/limits.instructions"
	while IFS=$tab read -r limit row <&3; do
		it "executes no more instructions than bench/limits.instructions has it: $row"
		instructions "$row"
		within "$limit" "$cost" || fail "$cost instructions an operation, the limit is $limit"
		within 200 "$cost" && fail "$cost instructions an operation: nothing is counted"
	done 3<"$WORK/limits.instructions"

	it 'needs no more instructions for a path among 100 processes'
	instructions stat
	few=$cost
	mkfifo "$scratch/never"
	run "$HELPERS/instructions" stat 20 "$AMPHORA" run --rm -i --backend ptrace --fast-path off --rootfs "$root" \
		-v "$scratch:/tmp" -v "$HELPERS/micro:/bin/micro" sh -c '/helpers/sleepers 100 <>/tmp/never >/tmp/up &
			while [ ! -s /tmp/up ]; do sleep 0.1; done; exec /bin/micro serve /tmp'
	succeeds
	cost=$(cat "$out")
	grep -q ready "$scratch/up" || fail 'nobody sleeps'
	within $((few * 11 / 10)) "$cost" || fail "$cost instructions with 100 more processes, $few without"

	it 'needs hardly more instructions for a path among 100 mounts'
	instructions 'open+close'
	few=$cost
	set --
	mkdir "$WORK/empty"
	for i in $(seq 100); do
		mkdir -p "$root/mnt/$i"
		set -- "$@" -v "$WORK/empty:/mnt/$i"
	done
	instructions 'open+close' "$@"
	within $((few * 3 / 2)) "$cost" || fail "$cost instructions with 100 more mounts, $few without"
fi

# kib PID: memory that this process and all below it have for themselves.
kib() {
	awk '/^Private/ { sum += $2 } END { print sum + 0 }' "/proc/$1/smaps_rollup" 2>/dev/null
	# shellcheck disable=SC2013 # words
	for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do kib "$child"; done
}

# sleepers N COMMAND…: sets $memory to what `COMMAND N` has, all in all, with its processes asleep.
sleepers() {
	n=$1
	shift
	rm -f "$WORK/hold"
	mkfifo "$WORK/hold"
	"$@" "$n" <"$WORK/hold" >"$WORK/ready" 2>&1 &
	started=$!
	exec 8>"$WORK/hold"
	for i in $(seq 300); do grep -q ready "$WORK/ready" || sleep 0.1; done
	grep -q ready "$WORK/ready" || fail "$*: $(excerpt "$WORK/ready")"
	memory=$(kib "$started" | awk '{ sum += $1 } END { print sum }')
	exec 8>&-
	wait "$started"
}

# each_of_100 COMMAND…: sets $each to the KiB of one process among 100.
each_of_100() {
	sleepers 0 "$@"
	none=$memory
	sleepers 100 "$@"
	each=$(((memory - none) / 100))
}

if [ "${UNDER:-}" = '' ]; then
	it 'takes no more memory a process than bench/limits.memory has it'
	each_of_100 "$HELPERS/sleepers"
	native=$each
	[ "$native" -gt 4 ] || fail "natively a process has $native KiB: nothing is counted"
	slow_limit=$(grep -v '^#' "$(dirname "$LIB")/limits.memory" | cut -f 1)
	fast_limit=$(grep -v '^#' "$(dirname "$LIB")/limits.memory" | cut -f 2)
	for how in off auto; do
		[ $how = off ] && limit=$slow_limit || limit=$fast_limit
		each_of_100 "$AMPHORA" run --backend ptrace --fast-path $how --rootfs "$root" -i /helpers/sleepers
		echo "# fast path $how: $each KiB a process, natively $native"
		[ $((each - native)) -le "$limit" ] || fail "fast path $how: $each KiB a process, natively $native, the limit is $limit more"
	done
fi

it 'has a limit for every row that is not a whole command'
"$HELPERS/micro" list | sed -n 's/^[01] [01] //p' | sort >"$WORK/rows"
cut -f 4 "$WORK/limits" | grep -v '^run ' | sort >"$WORK/with-limits"
same "$(cat "$WORK/rows")" "$(cat "$WORK/with-limits")" 'the rows of bench/limits'
fi
done_testing
