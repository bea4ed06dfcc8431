# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The words that behaviour tests are written in. A case reads:
#
#	it 'passes the exit code through'
#	guest sh -c 'exit 7'
#	status 7
#
# `it` starts a case and ends the one before. `guest` runs a command in a container on $root (a fresh
# busybox root for each file) on the backend under test. Assertions that fail are explained below
# the case's line; a case passes when none failed.
#
# The runner sets AMPHORA, BACKEND (ns, ptrace), WHO (root, plain), WORK (a private directory),
# BUSYBOX (the root to copy), HELPERS (static programs), DEBIAN (a Debian root, or empty), FOREIGN
# (a busybox root of another machine with its emulator in /qemu, or empty), TRACERS (a busybox root with
# PRoot and strace, or empty).
set -u

case_number=0
case_name=
case_skip=
out=$WORK/out
err=$WORK/err
why=$WORK/why
root=$WORK/root
code=
input=/dev/null
# Of thousands of pairs one in so many is tried, of random rounds one in so many is played. AMPHORA_TEST_SLOW says
# that the machine is emulated (tests/lab): the same cases, fewer turns, more time.
time_limit=60
every=1
[ -z "${AMPHORA_TEST_SLOW:-}" ] || time_limit=300 every=7

cp -a "$BUSYBOX" "$root"
mkdir -p "$root/helpers"
cp "$HELPERS"/* "$root/helpers/"

finish_case() {
	[ -n "$case_name" ] || return 0
	case_number=$((case_number + 1))
	[ -z "${AMPHORA_TEST_SLOW:-}" ] || took
	if [ -n "$case_skip" ]; then
		echo "ok $case_number - $case_name # SKIP $case_skip"
	elif [ -s "$why" ]; then
		echo "not ok $case_number - $case_name"
		sed 's/^/#   /' "$why"
	else
		echo "ok $case_number - $case_name"
	fi
}

# On a slow machine: what takes long is told, by the seconds.
took() {
	case_ended=$(date +%s)
	[ $((case_ended - case_started)) -lt 10 ] || echo "# took $((case_ended - case_started)) s: $case_name"
	case_started=$case_ended
}
case_started=$(date +%s)

# it SENTENCE: starts a case.
it() {
	finish_case
	case_name=$1
	case_skip=
	input=/dev/null
	: >"$why"
}

# Ends the file. Every file's last line.
done_testing() {
	finish_case
	echo "1..$case_number"
}

# skip REASON: this case can't be tried here. A failure in CI unless the reason starts with "lab:",
# meaning that tests/lab runs it on a kernel where it can.
skip() { case_skip=$1; }

# on BACKEND REASON: true when the case runs on that backend, whose behaviour differs for this reason.
on() {
	[ "$BACKEND" = "$1" ] || return 1
	echo "# $case_name: differs on $1: $2"
}

# below_app REASON: true below an Android app's filter (--under android), which makes this differ.
below_app() {
	[ "${UNDER:-}" = android ] || return 1
	echo "# $case_name: differs below an app's filter: $1"
}

# as WHO: true for root or plain.
as() { [ "$WHO" = "$1" ]; }

# turns N: of something random or repeated, N turns; on a slow machine fewer.
turns() { echo $((($1 + every - 1) / every)); }

fail() { echo "$*" >>"$why"; }

# feed TEXT: what the next `guest` finds on stdin (give it -i).
feed() {
	printf '%s' "$1" >"$WORK/input"
	input=$WORK/input
}

# run COMMAND…: runs it, keeping $code, $out and $err.
run() {
	code=0
	timeout --foreground -k 5 "$time_limit" "$@" <"$input" >"$out" 2>"$err" || code=$?
	input=/dev/null
}

# guest [FLAGS…] COMMAND…: in a container on $root.
guest() { run "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" "$@"; }

# host_guest [FLAGS…]: with the image `host` instead of $root; the flags must end in `host`.
amphora() { run "$AMPHORA" "$@"; }

# dynamic_root: sets $dynamic to a root whose /bin/true is linked dynamically: Debian's; else $root with this machine's true,
# linker and C library. '' where there is none.
dynamic_root() {
	dynamic=${DEBIAN:-$WORK/dynamic}
	[ ! -d "$dynamic" ] || return 0
	libraries=$(ldd /bin/true 2>/dev/null | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p')
	if [ "$(echo "$libraries" | wc -l)" != 2 ]; then
		dynamic=
		return
	fi
	cp -a "$root" "$dynamic"
	rm "$dynamic/bin/true"
	cp /bin/true "$dynamic/bin/true"
	for library in $libraries; do
		mkdir -p "$dynamic$(dirname "$library")"
		cp -L "$library" "$dynamic$library"
	done
	# Without it the linker looks in all directories.
	/sbin/ldconfig -X -C "$dynamic/etc/ld.so.cache" >/dev/null 2>&1 || true
}

excerpt() { head -c 600 "$1" | head -n 12; }

# Assertions on the last run.
status() {
	[ "$code" = "$1" ] && return 0
	fail "exit code $code, expected $1"
	fail "stderr: $(excerpt "$err")"
	fail "stdout: $(excerpt "$out")"
}
succeeds() { status 0; }
fails() { [ "$code" != 0 ] || fail "exit code 0, expected a failure; stdout: $(excerpt "$out")"; }
# out TEXT: stdout is exactly that (trailing newlines aside).
out() {
	[ "$(cat "$out")" = "$1" ] && return 0
	fail "stdout: $(excerpt "$out")"
	fail "expected: $1"
	[ ! -s "$err" ] || fail "stderr: $(excerpt "$err")"
}
# out_has / err_has / out_lacks PATTERN: extended regular expression.
out_has() {
	grep -Eq -e "$1" "$out" && return 0
	fail "stdout lacks /$1/: $(excerpt "$out")"
	[ ! -s "$err" ] || fail "stderr: $(excerpt "$err")"
}
out_lacks() { ! grep -Eq -e "$1" "$out" || fail "stdout has /$1/: $(grep -E -e "$1" "$out" | head -n 3)"; }
err_has() { grep -Eq -e "$1" "$err" || fail "stderr lacks /$1/: $(excerpt "$err")"; }
err_empty() { [ ! -s "$err" ] || fail "stderr: $(excerpt "$err")"; }
# One line "amphora: …" on stderr, exit code 125, nothing on stdout.
refused() {
	status 125
	err_has "$1"
	[ "$(wc -l <"$err")" = 1 ] || fail "not one line: $(excerpt "$err")"
	grep -q '^amphora: ' "$err" || fail "does not start with 'amphora: '"
	[ ! -s "$out" ] || fail "stdout is not empty: $(excerpt "$out")"
}
# same EXPECTED ACTUAL WHAT
same() { [ "$1" = "$2" ] || fail "$3: $2, expected $1"; }
# A file outside the container that attacks aim at.
canary() {
	echo "secret-canary-$$" >"$WORK/canary"
	chmod 644 "$WORK/canary"
}
canary_untouched() {
	same "secret-canary-$$" "$(cat "$WORK/canary" 2>&1)" 'the canary'
	! grep -q "secret-canary-$$" "$out" || fail "the canary was read: $(excerpt "$out")"
}
# attack_works COMMAND…: the attack must reach the canary on a deliberately weak set-up, else the
# test proves nothing.
attack_works() {
	run "$@"
	grep -q "secret-canary-$$" "$out" && return 0
	fail "the attack does not work even on the weak set-up: exit $code, stdout $(excerpt "$out"), stderr $(excerpt "$err")"
}
