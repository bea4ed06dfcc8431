# shellcheck shell=sh disable=SC1090,SC2154,SC2016
# Root filesystems of another machine.
. "$LIB"

[ -n "$FOREIGN" ] || { it 'has a root of another machine'; skip 'no package archive'; done_testing; exit; }
machine=$(cd "$FOREIGN/qemu" && echo qemu-*-static)
machine=${machine#qemu-}
machine=${machine%-static}
case $machine in aarch64) platform=linux/arm64 ;; *) platform=linux/amd64 ;; esac

plain_path=$PATH
PATH=$PATH:$FOREIGN/qemu
there=$WORK/there
cp -a "$FOREIGN" "$there"
rm -rf "$there/qemu"
foreign() { run "$AMPHORA" run --rootfs "$there" "$@"; }
proot=${AMPHORA%/*}/proot
proot() { run "$proot" "$@"; }
emulated='namespaces need binfmt_misc, which a test machine may not have'

if on ns "$emulated"; then
	it 'names the fix where namespaces are asked for'
	if [ ! -e "/proc/sys/fs/binfmt_misc/qemu-$machine" ]; then
		run "$AMPHORA" run --backend ns --platform "$platform" --rootfs "$there" true
		refused "no binfmt_misc entry qemu-$machine with flag F.*Without --backend ns"
	fi
	done_testing
	exit
fi

it 'runs a root of another machine as it is'
foreign sh -c 'uname -m; echo $((6 * 7)); cat /etc/hostname | wc -l'
out "$machine
42
1"

it 'runs it when asked for by any of its names'
for name in "$platform" "${platform#linux/}" "$machine"; do
	foreign --platform "$name" uname -m
	out "$machine"
done

it 'keeps argv, argv[0], environment, exit status and the program'\''s own path'
foreign -e A=b sh -c 'echo "$0|$1|$2|$A"; readlink /proc/self/exe; cat /proc/self/comm; exit 7' zero 'one two' ''
status 7
out 'zero|one two||b
/bin/busybox
sh'
foreign sh -c 'exec -a cat /bin/busybox /etc/hostname'
out_has .
foreign sh -c 'kill -TERM $$'
status 143

it 'runs scripts, and scripts of scripts'
printf '#!/bin/sh\necho "first $0 $*"\n' >"$there/bin/first"
printf '#!/bin/first -x\n' >"$there/bin/second"
chmod 755 "$there/bin/first" "$there/bin/second"
foreign /bin/second a b
out 'first /bin/first -x /bin/second a b'

it 'forks, pipes and waits'
foreign sh -c 'for i in 1 2 3 4 5 6 7 8; do (echo $i) & done | sort | tr -d "\n"; wait; seq 1000 | grep -c 7'
out '12345678271'

it 'writes where the guest writes, and nowhere else'
foreign sh -c 'echo x >/root/made && cd / && ln -s root/made link && cat link && rm link && mkdir -p d/e && mv d/e d/f && ls d'
out 'x
f'
[ -f "$there/root/made" ] || fail 'nothing was written'

it 'shows neither the emulator nor anything of the host'
canary
foreign sh -c "ls $FOREIGN/qemu $WORK/canary; cat $WORK/canary"
canary_untouched
out ''

it 'runs a program by fd, by a relative path and from a deleted directory'
foreign sh -c 'cd /bin && ./busybox echo relative; mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone && busybox echo deleted'
out 'relative
deleted'

it 'says what to install when there is no emulator'
PATH=$plain_path
foreign true
if ! command -v "qemu-$machine-static" "qemu-$machine" >/dev/null; then
	if [ "$code" = 125 ]; then refused "$machine"; else status 126; fi
	foreign --backend ptrace true
	status 126
	err_has "is for $machine: install qemu-user-static"
	foreign --platform "$platform" true
	refused "nothing here runs $machine programs. Install qemu-user-static, or put qemu-$machine in PATH"
fi
PATH=$PATH:$FOREIGN/qemu

it 'says so for one foreign program in a root of ours'
cp "$there/bin/busybox" "$root/bin/foreign-box"
guest /bin/foreign-box
status 126
err_has "foreign-box is for $machine: --platform $platform"
guest sh -c '/bin/foreign-box 2>/dev/null; echo $?' # the shell tries it as a script
out_lacks '^0$'
guest --platform "$platform" sh -c '(exec -a busybox /bin/foreign-box uname -m); busybox uname -m'
out "$machine
$(uname -m)"

it 'refuses words that are no platform'
guest --platform linux/pdp11 true
refused 'pdp11" is not a platform.*linux/arm64'
guest --platform windows/amd64 true
refused 'is not a platform'
guest --platform "linux/$(uname -m)" echo mine
out mine

it 'runs for another user, and fakes ids'
foreign -u 1000:1000 id -u
out 1000

it '-q of proot takes a name or a path, and words for QEMU'
proot -q "qemu-$machine-static" -r "$there" -w / /bin/uname -m
out "$machine"
proot -q "$FOREIGN/qemu/qemu-$machine-static -E A=from-qemu" -r "$there" -b /proc -w / /bin/sh -c 'uname -m; echo $A'
out "$machine
from-qemu"
proot -q "qemu-$machine-static" -0 -r "$there" -w /root /bin/second c
out 'first /bin/first -x /bin/second c'

it '-q leaves the host'\''s programs alone, unless mixed mode is off'
proot -q "qemu-$machine-static" -r "$root" -w / /bin/uname -m
out "$(uname -m)"
proot -q "qemu-$machine-static" --mixed-mode false -r "$root" -w / /bin/uname -m
fails
run env PROOT_FORCE_FOREIGN_BINARY=1 "$proot" -q "qemu-$machine-static" -r "$root" -w / /bin/uname -m
fails

dynamic=$FOREIGN/qemu/dynamic
proot_dynamic() {
	words="$dynamic/qemu-$machine $1"
	shift
	run env "LD_LIBRARY_PATH=$dynamic/lib" "$proot" -q "$words" -r "$there" -w / "$@"
}

it '-q takes a QEMU that is linked dynamically, with the words for it'
proot_dynamic '-E A=from-qemu' /bin/sh -c 'uname -m; echo $A; (echo a; echo b) | sort -r; /bin/second c'
out "$machine
from-qemu
b
a
first /bin/first -x /bin/second c"
status 0

it 'no name leads a guest to the libraries of its QEMU'
guess='for name in libc.so.6 libglib-2.0.so.0 libz.so.1; do
	for place in /lib64 /lib/*-linux-gnu "$1" . ""; do cat "$place/$name"; done
done; cat "$1"/*; ls -d /lib "$1"'
proot_dynamic '' /bin/sh -c "$guess" sh "$dynamic/lib"
out ''
[ -s "$dynamic/lib/libglib-2.0.so.0" ] || fail 'no library to look for'

it 'leaves LD_ variables and files of the dynamic linker to the guest'
echo /nothing.so >"$there/etc/ld.so.preload"
proot_dynamic '' /bin/sh -c 'LD_PRELOAD=libnothing.so LD_TRACE_LOADED_OBJECTS=1 busybox env 2>&1 | grep -v PATH= | grep -e LD_ -e nothing | sort'
out 'LD_PRELOAD=libnothing.so
LD_TRACE_LOADED_OBJECTS=1'
rm "$there/etc/ld.so.preload"

it 'finds such a QEMU for a root of that machine'
run env "LD_LIBRARY_PATH=$dynamic/lib" "PATH=$plain_path:$dynamic" "$AMPHORA" run --rootfs "$there" uname -m
out "$machine"

it '-q refuses what is not there, not of this machine, or lacks a library'
proot -q qemu-nothing -r "$there" true
fails
err_has '^proot error: option -q qemu-nothing: there is no such program'
proot -q "$there/bin/busybox" -r "$there" true
fails
err_has '^proot error: option -q [^ ]*: [^ ]*/bin/busybox is not a program of this machine'
sed 's/libcapstone/libnotthere/' "$dynamic/qemu-$machine" >"$WORK/qemu"
chmod 755 "$WORK/qemu"
run env "LD_LIBRARY_PATH=$dynamic/lib" "$proot" -q "$WORK/qemu" -r "$there" true
fails
err_has '^proot error: option -q [^ ]*: /[^ ]*/qemu can.t be loaded: error .*libnotthere.so.4'
proot -q '' -r "$there" true
err_has 'expects a command'

it 'proot without -q names the fix'
proot -r "$there" -w / /bin/true
fails
err_has '^proot error: execve\("/bin/true"\): Exec format error'
err_has "^proot info: /bin/true is for $machine: -q qemu-$machine-static"

done_testing
