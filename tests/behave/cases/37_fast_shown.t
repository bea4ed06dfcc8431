# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# What is told of the fast path: who has none, and why.
. "$LIB"

if [ "$BACKEND" = ns ]; then
	it 'shows in inspect that namespaces need none'
	mkdir -p "$root/tmp"; mkfifo "$WORK/end"
	"$AMPHORA" run -i --name inspected-ns --backend ns --rootfs "$root" sh -c 'echo >/tmp/up; read x' <"$WORK/end" &
	exec 8>"$WORK/end"
	for i in $(seq 100); do [ -e "$root/tmp/up" ] || sleep 0.1; done
	run "$AMPHORA" inspect inspected-ns
	succeeds
	out_has "^fast path +the kernel's own"
	exec 8>&-
	wait $!
else

if ! below_app 'more calls are trapped, and reasons with them'; then
	# lacks REASON COMMAND…: --debug names it.
	lacks() {
		reason=$1
		shift
		guest --debug --fast-path auto "$@"
		err_has "no fast path: $reason"
	}

	it 'tells which process goes without, and why'
	guest --debug --fast-path auto true
	err_has 'fast path: patched call sites'
	! grep -q 'no fast path' "$err" || fail "$(grep 'no fast path' "$err")"
	lacks 'seccomp filter of its own' /helpers/filters errno
	lacks 'chroot or namespaces of its own' chroot / true
	lacks 'it has opened /proc' ls /proc
	if [ -x "$HELPERS/midst" ]; then
		lacks 'traced by the guest' /helpers/midst traced
		err_has 'for anybody any more: traced by the guest'
		lacks 'no memory where its area goes' /helpers/wide
		out 'wide ok'
	fi
	[ ! -x "$HELPERS/filters32" ] || ! "$HELPERS/filters32" stack >/dev/null 2>&1 || lacks '32-bit program' /helpers/filters32 stack

	it 'shows in inspect what a container that runs has of it'
	mkdir -p "$root/tmp" && mkfifo "$WORK/end"
	# inspect FLAGS…: what it says while such a container runs.
	inspect() {
		rm -f "$root/tmp/up"
		"$AMPHORA" run -i --name inspected --backend ptrace --rootfs "$root" "$@" sh -c 'for i in 1 2 3 4 5 6 7 8; do read x </etc/passwd; done
			chroot / true; echo >/tmp/up; read x' <"$WORK/end" >/dev/null &
		exec 8>"$WORK/end"
		for i in $(seq 100); do [ -e "$root/tmp/up" ] || sleep 0.1; done
		run "$AMPHORA" inspect --json inspected
		succeeds
		cp "$out" "$WORK/json"
		run "$AMPHORA" inspect inspected
		echo >&8
		exec 8>&-
		wait $!
	}
	inspect --fast-path auto
	succeeds
	out_has '^fast path +patched call sites'
	out_has '[1-9][0-9]* call sites patched'
	out_has ' 1 without: chroot or namespaces of its own'
	python3 -c 'import json, sys; state = json.load(open(sys.argv[1])); print(state["fast_path"]["patched"] > 0, state["facets"]["fast path"]["mechanism"])' "$WORK/json" >"$out" 2>&1
	out 'True patched call sites'
	inspect --fast-path auto --strict
	out_has '^fast path +off'
	out_has '--strict was asked for'
	out_lacks 'call sites patched'
	run "$AMPHORA" inspect inspected
	refused "no container 'inspected' runs here"
	for name in ../inspected '' .; do
		run "$AMPHORA" inspect "$name"
		refused 'no container'
	done
fi

fi
done_testing
