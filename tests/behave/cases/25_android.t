# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Below what an Android app may do: its seccomp filter (SIGSYS outside a list), no user namespaces, the
# files of /proc that SELinux hides. tests/behave/run --under android runs other cases so.
. "$LIB"

# app [OPTIONS] -- COMMAND: as an app.
app() { run "$HELPERS/android-app" "$@"; }
# app_guest [FLAGS] COMMAND: a container started by an app.
app_guest() { app "$AMPHORA" run --rootfs "$root" "$@"; }

it 'stands where an app stands: a program that does not know dies by SIGSYS'
app "$HELPERS/trapped" calls "$WORK"
status 159
app sh -c 'cat /proc/stat'
status 159

if [ "$BACKEND" = ns ]; then
	it 'refuses the namespace backend and says why'
	app "$AMPHORA" run --backend ns --rootfs "$root" true
	refused 'namespace|mount|SIGSYS'
	done_testing
	exit 0
fi
if as root; then
	it 'is not asked of root: no app is'
	done_testing
	exit 0
fi

it 'starts and tells what is trapped'
app "$AMPHORA" version
succeeds
app "$AMPHORA" probe --json
succeeds
out_has '"trap_numbers"'
app "$AMPHORA" probe
out_has 'trapped calls +trapped'
out_has 'ptrace +works'

it 'picks path translation by itself and runs a command'
app_guest sh -c 'echo $(id -u) $((6 * 7)) | cat'
out '0 42'
err_empty

mkdir -p "$WORK/native" "$root/w"
for mode in calls wait; do
	it "gives the kernel's own answers to trapped calls: $mode"
	run "$HELPERS/trapped" "$mode" "$WORK/native"
	succeeds
	cp "$out" "$WORK/expected"
	app_guest /helpers/trapped "$mode" /w
	succeeds
	out "$(cat "$WORK/expected")"
done

it 'makes each call once, whatever signals come'
app_guest /helpers/trapped once /w
succeeds
out 'signals came: yes
0 of 600 rounds went wrong'

it 'carries signals and terminals on'
app_guest sh -c 'kill -TERM $$'
status 143
app_guest -t sh -c 'stty size >/dev/null; test -t 1 && echo terminal'
out_has terminal

it 'runs threads, and makers of processes'
app_guest /helpers/work threads
out 'threads ok'
app_guest /helpers/work vfork
out 'vfork ok'
app_guest /helpers/work spawn
out 'spawn ok'
app_guest /helpers/work clone3
succeeds

it 'emulates hard links there'
app_guest --hard-links emulated sh -c 'echo x >/root/a && ln /root/a /root/b && stat -c "%h %F" /root/b && rm /root/a && cat /root/b'
out '2 regular file
x'

it 'knows which files of /proc are hidden, and makes them'
app "$AMPHORA" probe
out_has 'hidden /proc files +fails'
app_guest sh -c 'read -r line </proc/meminfo && echo "${line%%:*}"'
out MemTotal
app_guest sh -c 'uptime >/dev/null && head -c 4 /proc/stat && echo && cut -d" " -f1 /proc/version'
out 'cpu 
Linux'

it 'sets the login uid as root does, which sessions of PAM need'
if [ -e /proc/self/loginuid ]; then
	app sh -c 'echo 0 >/proc/self/loginuid'
	fails
	app_guest sh -c 'cat /proc/self/loginuid && echo && printf 0 >/proc/self/loginuid && test -w /proc/$$/loginuid && echo set'
	out '4294967295
set'
	err_empty
	app_guest sh -c 'sleep 5 & echo 0 >/proc/$!/loginuid'
	fails
else
	skip 'this kernel has no audit'
fi

it 'needs no executable file in the store'
cp "$AMPHORA" "$WORK/lib-amphora.so"
chmod 755 "$WORK/lib-amphora.so"
app --noexec "$root" "$root/helpers/trapped"
status 120
app --noexec "$root" "$WORK/lib-amphora.so" run --rootfs "$root" sh -c 'ls /bin >/dev/null && echo ran'
out ran
rm "$WORK/lib-amphora.so"

it 'works below the filters of other releases'
legacy=
[ "$(uname -m)" != x86_64 ] || legacy=-stat
app -close_range -statx $legacy -pidfd_open "$AMPHORA" run --rootfs "$root" sh -c 'ls -l / >/dev/null && echo 10'
out 10
app +clone3 "$AMPHORA" run --rootfs "$root" sh -c 'ls -l / >/dev/null && echo 15'
out 15

it 'is one process of its own, and no helper'
"$HELPERS/android-app" "$AMPHORA" run --rootfs "$root" sleep 20 >"$out" 2>"$err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	pgrep -P "$pid" sleep >/dev/null && break
	sleep 0.3
done
same sleep "$(ps -o comm= --ppid "$pid" | sort | tr '\n' ' ' | sed 's/ $//')" 'children of the supervisor'
kill -9 "$pid"

done_testing
