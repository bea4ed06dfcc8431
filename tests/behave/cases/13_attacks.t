# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# The attack list of docs/security.md, by its numbers. Each attack is first shown to work on a
# deliberately weak set-up, else it would prove nothing.
. "$LIB"

# The plain user of a weak set-up is simply this one, on the host's own root.
it 'attack 2: a leaked directory fd as working directory is not reachable'
canary
attack_works sh -c 'exec 9<"$1"; cd /proc/self/fd/9 && cat canary' sh "$WORK"
for fd in 3 5 7 8 9 10; do
	run sh -c 'exec 9<"$1"; shift; exec "$@"' sh "$WORK" \
		"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" -w "/proc/self/fd/$fd" cat canary ../canary
	fails
	canary_untouched
done
run sh -c 'exec 9<"$1"; shift; exec "$@"' sh "$WORK" \
	"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" sh -c 'cd /proc/self/fd/9 && cat canary; cat /proc/self/fd/9/canary; cat /proc/1/fd/9/canary'
canary_untouched

it 'attack 2: getcwd stays inside'
run sh -c 'exec 9<"$1"; cd "$1"; shift; exec "$@"' sh "$WORK" \
	"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" sh -c 'pwd -P; readlink /proc/self/cwd'
out '/
/'

it 'attack 3: inherited file descriptors are closed'
canary
attack_works sh -c 'exec 9<"$1"; "$2" 9 canary' sh "$WORK" "$HELPERS/fds"
run sh -c 'exec 8<"$1/canary" 9<"$1"; shift; exec "$@"' sh "$WORK" \
	"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" sh -c '/helpers/fds 9 canary; cat <&8; /helpers/fds'
canary_untouched
out_has EBADF
out_has '^0 1 2 ?$'

it 'attack 3: high file descriptors are closed too'
python3 - "$WORK" "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" /helpers/fds >"$out" 2>"$err" <<'PY'
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
for high in (251, 900):
    os.dup2(fd, high, inheritable=True)
os.execv(sys.argv[2], sys.argv[2:])
PY
out_has '^0 1 2 ?$'

it 'attack 12: dots, slashes, long names and loops stay inside'
canary
attack_works cat "/../../../../../../../../../../$WORK/./canary"
guest sh -c 'cat "$1"; cat "/../../../..$1"; cat "/proc/../..$1"; cat "/tmp/../../../$1"; cat "/proc/self/root/..$1"; cat "/proc/self/cwd/../../..$1"
	cd /tmp; cat "../../../../../../..$1"; ln -s "../../../../../../../../$1" /tmp/l; cat /tmp/l; ln -s / /tmp/r; cat "/tmp/r/../../$1"' sh "$WORK/canary"
canary_untouched

it 'attack 12: writes, renames and links to the outside fail'
canary
guest sh -c 'echo pwned >"$1"; mv /etc/passwd "$1"; ln -f /etc/passwd "$1"; ln "$1" /tmp/stolen && cat /tmp/stolen; rm -f "$1"; chmod 777 "$1"' sh "/../../..$WORK/canary"
canary_untouched
same 644 "$(stat -c %a "$WORK/canary")" 'its mode'

it 'attack 13: magic links of the own process lead inside'
canary
attack_works cat "/proc/self/root$WORK/canary"
guest sh -c 'cat "/proc/self/root$1"; cat "/proc/1/root$1"; cat "/proc/$$/root$1"; cat "/proc/self/task/$$/root$1"; cat "/proc/thread-self/root$1"
	cat "/proc/self/cwd/..$1"; cat "/proc/1/cwd$1"; cd /proc/self/root; cat ".$1"; cat "..$1"' sh "$WORK/canary"
canary_untouched

it 'attack 13: the processes of the host are no way out'
canary
tail -f /dev/null <"$WORK/canary" &
victim=$!
attack_works cat "/proc/$victim/root$WORK/canary"
guest sh -c 'p=$1; cat "/proc/$p/root$2"; cat /proc/$p/fd/0; cat "/proc/$p/cwd/canary"
	for d in /proc/[0-9]*; do cat "$d/root$2"; cat $d/fd/0 </dev/null; done' sh "$victim" "$WORK/canary"
canary_untouched
kill "$victim"

it 'attack 13: the supervisor is no way out'
canary
attack_works sh -c 'cat "/proc/$PPID/root$1"' sh "$WORK/canary"
guest sh -c 'cat "/proc/$PPID/root$1"; cat "/proc/$PPID/cwd$1"; for f in /proc/$PPID/fd/*; do cat "$f/$1" </dev/null; cat "$f/../canary" </dev/null; done
	ls /proc/$PPID/map_files' sh "$WORK/canary"
canary_untouched

it 'attack 13: a fd to /proc/PID/root taken before a chroot does not help'
canary
guest sh -c 'exec 9</proc/self/root; chroot /tmp /bin/true 2>/dev/null; cat "/proc/self/fd/9/..$1"; cat "/proc/self/fd/9$1"' sh "$WORK/canary"
canary_untouched

it 'attack 17: other system-call tables give no way out'
if [ -x "$HELPERS/abi" ]; then
	# int 0x80 takes 32-bit addresses, so the path goes through a short name.
	canary
	attack_works "$HELPERS/abi" "$WORK/canary"
	guest /helpers/abi "$WORK/canary"
	canary_untouched
	out_has '^int80-open '
	out_has '^x32-open '
	out_lacks succeeded
fi

it 'attack 18: system calls that a table may have forgotten give no way out'
canary
attack_works "$HELPERS/numbers" "$WORK/canary"
canary
guest /helpers/numbers "$WORK/canary"
canary_untouched
same 644 "$(stat -c %a "$WORK/canary")" 'the mode of the canary'
out_has '^io_uring_setup (ENOSYS|EPERM)$'
out_has '^open_by_handle_at (ENOSYS|EPERM)$'
out_has '^fsopen (ENOSYS|EPERM)$'
out_has 'ENOSYS for most'

it 'attack 18: io_uring answers ENOSYS'
guest /helpers/numbers /etc/passwd
out_has '^io_uring_setup ENOSYS$'

it 'attack 29: a user that is not strictly a user is refused'
guest -u 0 id -u
out 0
for user in '1000:' ':1000' '-1' ' 0' '0 ' '4294967295' '4294967296' '0x0' '+0' '1000:-1' '' '0:0:0' '1e3'; do
	guest -u "$user" true
	[ "$code" = 125 ] || fail "user \"$user\": exit code $code"
done

it 'attack 29: a numeric name in the container'\''s passwd does not become another id'
printf '4294967296:x:0:0::/:/bin/sh\n' >>"$root/etc/passwd"
guest -u 4294967296 id -u
fails
out ''

it 'attack 27: a passwd that is a symlink to the host, a FIFO or huge is not read'
cp "$root/etc/passwd" "$WORK/passwd.saved"
echo 'stolen:x:0:0::/:/bin/sh' >"$WORK/host-passwd"
rm "$root/etc/passwd"
ln -s "$WORK/host-passwd" "$root/etc/passwd"
guest -u stolen id -u
fails
rm "$root/etc/passwd"
mkfifo "$root/etc/passwd"
time_limit=10
guest -u guest true
fails
[ "$code" != 124 ] || fail 'it hangs on the FIFO'
time_limit=60
rm "$root/etc/passwd"
cp "$WORK/passwd.saved" "$root/etc/passwd"

it 'attack 7 and 8: a rootfs whose /proc, /dev or /sys is a symlink gets nothing on the host'
mkdir "$WORK/bad" "$WORK/hostdir"
cp -a "$BUSYBOX/." "$WORK/bad"
rmdir "$WORK/bad/dev" "$WORK/bad/proc"
ln -s "$WORK/hostdir" "$WORK/bad/dev"
ln -s "$WORK/hostdir" "$WORK/bad/proc"
run "$AMPHORA" run --backend "$BACKEND" --rootfs "$WORK/bad" true
same '' "$(ls -A "$WORK/hostdir")" 'the directory of the host'

# What is made for a container that translates paths lies in shared memory, but never where the container sees it.
if [ "$BACKEND" = ptrace ] && ! as root && [ "$(stat -f -c %T /dev/shm)" = tmpfs ] && ! grep -q '^[^ ]* /dev/shm .*noexec' /proc/mounts; then
	# kept FLAGS…: sets $found to the files in shared memory that name a container's host.
	kept() {
		rm -rf "$WORK/hold"
		mkdir -m 777 "$WORK/hold"
		env -u TMPDIR -u XDG_RUNTIME_DIR "$AMPHORA" run --backend ptrace --rootfs "$root" --hostname "kept-$$" \
			-v "$WORK/hold:/hold" "$@" sh -c ': >/hold/ready; while [ ! -e /hold/go ]; do sleep 0.05; done' &
		for turn in $(seq 200); do
			[ ! -e "$WORK/hold/ready" ] || break
			sleep 0.05
		done
		[ -e "$WORK/hold/ready" ] || fail "turn $turn: no container"
		found=$(grep -rls "kept-$$" "/dev/shm/amphora-$(id -u)/containers")
		: >"$WORK/hold/go"
		wait $!
	}
	it 'keeps its files in shared memory, unless the container has a name or is shown that'
	kept
	[ -n "$found" ] || fail 'nothing in shared memory'
	for flags in '-v /dev:/host-dev' '-v /dev/shm:/shm' '-v /:/host' "--name kept-$$"; do
		# shellcheck disable=SC2086
		kept $flags
		same '' "$found" "in shared memory: $flags"
	done
fi

it 'attack 38: a state directory that others can write is refused'
mkdir -p "$WORK/data/amphora"
chmod 777 "$WORK/data/amphora"
XDG_DATA_HOME="$WORK/data" run "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" true
unset XDG_DATA_HOME
refused 'can be written by others'

it 'attack 38: a state directory that is a symlink is refused'
rm -rf "$WORK/data"
mkdir -p "$WORK/data" "$WORK/elsewhere"
ln -s "$WORK/elsewhere" "$WORK/data/amphora"
XDG_DATA_HOME="$WORK/data" run "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" true
unset XDG_DATA_HOME
refused 'symlink'
same '' "$(ls -A "$WORK/elsewhere")" 'the target of the symlink'

it 'attack 30: odd names are refused'
for name in ../../x --help 'a b' '' 'a
b' /etc; do
	guest "--name=$name" true
	[ "$code" = 125 ] || fail "name \"$name\": exit code $code"
done
guest --hostname 'a
b' true
refused .

it 'attack 30: LD_PRELOAD in the environment of the container stays there'
guest -e LD_PRELOAD=/evil.so -e LD_LIBRARY_PATH=/evil sh -c 'echo $LD_PRELOAD'
out_has '^/evil.so$'

# The ptrace backend leaves its own copy of a path in the register.
it 'a path taken from a register after the call is no way past a read-only bind'
mkdir -p "$WORK/read-only"
echo kept >"$WORK/read-only/file"
if [ -x "$HELPERS/again" ]; then
	guest -v "$WORK/read-only:/mnt:ro" /helpers/again /mnt/file /file
	out '30 2' # EROFS, and there is no /file in the guest
fi

it 'attack 19: a traced or untraced child can'\''t leave'
canary
guest sh -c 'setsid sh -c "cat $1" ; (cat $1 &) ; nohup cat $1; cat $1' sh "$WORK/canary"
canary_untouched

done_testing
