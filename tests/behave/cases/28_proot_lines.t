# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034,SC1003,SC2086,SC2089,SC2090
# Command lines that programs and scripts hand to PRoot, as they emit them: only the places of the root and
# of the programs' own directories are ours. Each must run as it is, quietly, and what it sets up must hold
# inside. /system, /vendor and the like are left out of lines that add them only where they exist.
. "$LIB"

bin=$(dirname "$AMPHORA")
export PATH="$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
cd "$WORK" || exit 1
# What these programs keep beside a root.
prefix=$WORK/prefix
sysdata=$WORK/sysdata
mkdir -p "$prefix/tmp" "$prefix/home" "$prefix/cache" "$sysdata/sys_empty" "$WORK/shm" "$WORK/storage" "$root/root"
echo '0.12 0.07 0.02 2/165 765' >"$sysdata/loadavg"
printf 'cpu  1957 0 2877 93280 262 342 254 87 0 0\nprocesses 100\n' >"$sysdata/stat"
echo '124.08 932.80' >"$sysdata/uptime"
echo 'Linux version 6.17.0-PRoot-Distro (proot@termux) #1 SMP PREEMPT_DYNAMIC' >"$sysdata/version"
echo 'nr_free_pages 1743136' >"$sysdata/vmstat"
echo 40 >"$sysdata/sysctl_entry_cap_last_cap"
echo 4096 >"$sysdata/sysctl_inotify_max_user_watches"
echo 65534 >"$sysdata/sysctl_kernel_overflowuid"
echo 65534 >"$sysdata/sysctl_kernel_overflowgid"
echo from-storage >"$WORK/storage/file"
export PROOT_L2S_DIR="$root/.l2s" PROOT_TMP_DIR="$WORK"

# What a guest of such a line finds: run by each of the long ones.
cat >"$root/root/look.sh" <<'END'
echo "$(id -u):$(id -g) $(pwd) $(uname -r) $(uname -m)"
cat /proc/loadavg /proc/uptime /proc/vmstat /proc/sys/kernel/cap_last_cap /proc/sys/fs/inotify/max_user_watches /proc/sys/kernel/overflowuid
head -n 1 /proc/stat
cut -d ' ' -f 1-3 /proc/version
ls -A /sys/fs/selinux | wc -l
echo shared >/dev/shm/x && cat /dev/shm/x && rm /dev/shm/x
[ "$(head -c 4 /dev/random | wc -c)" = 4 ] && echo random
cat /dev/fd/3 3</etc/hostname
(echo error >/dev/stderr) 2>&1 | cat
(echo output >/dev/stdout) | cat
echo input | cat /dev/stdin
touch /tmp/one && ln /tmp/one /tmp/two && stat -c %h /tmp/one && rm /tmp/one /tmp/two
ln -s /etc/hostname /tmp/symlink && stat -c %s /tmp/symlink && rm /tmp/symlink
END
looked() {
	succeeds
	out "$1
0.12 0.07 0.02 2/165 765
124.08 932.80
nr_free_pages 1743136
40
4096
65534
cpu  1957 0 2877 93280 262 342 254 87 0 0
Linux version 6.17.0-PRoot-Distro
0
shared
random
rootfs-hostname
error
output
input
2
13"
	err_empty
}
fakes="--bind=$sysdata/sys_empty:/sys/fs/selinux --bind=$sysdata/loadavg:/proc/loadavg --bind=$sysdata/stat:/proc/stat
	--bind=$sysdata/uptime:/proc/uptime --bind=$sysdata/version:/proc/version --bind=$sysdata/vmstat:/proc/vmstat
	--bind=$sysdata/sysctl_entry_cap_last_cap:/proc/sys/kernel/cap_last_cap
	--bind=$sysdata/sysctl_inotify_max_user_watches:/proc/sys/fs/inotify/max_user_watches
	--bind=$sysdata/sysctl_kernel_overflowuid:/proc/sys/kernel/overflowuid
	--bind=$sysdata/sysctl_kernel_overflowgid:/proc/sys/kernel/overflowgid"
fds='--bind=/proc/self/fd:/dev/fd --bind=/proc/self/fd/0:/dev/stdin --bind=/proc/self/fd/1:/dev/stdout --bind=/proc/self/fd/2:/dev/stderr'

it 'proot-distro 5: login on Termux'
cd "$root" || exit 1
run proot --kill-on-exit --link2symlink --sysvipc \
	'--kernel-release=\Linux\localhost\6.17.0-PRoot-Distro\#1 SMP PREEMPT_DYNAMIC Fri, 10 Oct 2025 00:00:00 +0000\aarch64\localdomain\-1\' \
	-L --change-id=0:0 --rootfs=. --cwd=/root --bind=/dev --bind=/proc --bind=/sys --bind=/dev/urandom:/dev/random \
	$fds $fakes --bind="$WORK/shm:/dev/shm" --bind="$prefix/cache" --bind="$prefix/home" --bind="$prefix" \
	--bind="$prefix/home:/root/shared" --bind="$WORK/storage:/storage" -p \
	/usr/bin/env -i HOME=/root LANG=en_US.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	TERM=xterm-256color TMPDIR=/tmp USER=root MOZ_FAKE_NO_SANDBOX=1 PULSE_SERVER=127.0.0.1 /bin/sh -l /root/look.sh
looked '0:0 /root 6.17.0-PRoot-Distro aarch64'
cd "$WORK" || exit 1

it 'proot-distro 5: login as another user, a guest of its own type, and minimal'
cd "$root" || exit 1
run proot --kill-on-exit --link2symlink --sysvipc \
	'--kernel-release=\Linux\localhost\6.17.0-PRoot-Distro\#1 SMP PREEMPT_DYNAMIC\x86_64\localdomain\-1\' \
	-L --change-id=1000:1000 --rootfs=. --cwd=/home/guest --bind=/dev --bind=/proc --bind=/sys --bind=/dev/urandom:/dev/random \
	$fds $fakes --bind="$WORK/shm:/dev/shm" --bind="$WORK/storage:/home/guest/own" \
	/usr/bin/env -i HOME=/home/guest PATH=/usr/bin:/bin /bin/sh -l -c 'id -u; pwd; cat own/file; touch own/made; stat -c %u own/made; uname -v'
out '1000
/home/guest
from-storage
1000
#1 SMP PREEMPT_DYNAMIC'
err_empty
run proot --kill-on-exit -L --rootfs=. --cwd=/root --bind=/dev --bind=/proc --bind=/sys /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin /bin/sh -c pwd
out /root
err_empty
cd "$WORK" || exit 1

it 'proot-distro 5: a step of a build, elsewhere than on Termux'
cd "$root" || exit 1
run proot --kill-on-exit --link2symlink --sysvipc \
	'--kernel-release=\Linux\localhost\6.17.0-PRoot-Distro\#1 SMP\x86_64\localdomain\-1\' \
	-L --change-id=0:0 --rootfs=. --cwd=/ --bind=/dev --bind=/proc --bind=/sys --bind=/dev/urandom:/dev/random $fds \
	--bind="$WORK/shm:/dev/shm" --bind="$prefix" /bin/sh -c 'mkdir -p /srv/app && chown 7:7 /srv/app && chmod 2750 /srv/app && stat -c "%u %a" /srv/app'
out '7 2750'
run proot --change-id=0:0 --rootfs=. --cwd=/ --bind=/dev --bind=/proc --bind=/sys /usr/bin/env -i PATH=/usr/bin:/bin stat -c '%u %a' /srv/app
if as plain; then out '7 2750'; fi
err_empty
cd "$WORK" || exit 1

it 'proot-distro 4, the shell script: its words come in the other order, and su is the shell'
rm -rf "$root/.l2s"
run proot "--bind=$WORK/storage:/storage" "--bind=$prefix" "--bind=$root/tmp:/dev/shm" --bind=/sys \
	--bind=/proc/self/fd/2:/dev/stderr --bind=/proc/self/fd/1:/dev/stdout --bind=/proc/self/fd/0:/dev/stdin \
	--bind=/proc/self/fd:/dev/fd --bind=/proc --bind=/dev/urandom:/dev/random --bind=/dev $fakes --root-id --cwd=/root -L \
	--kernel-release=6.2.1-PRoot-Distro --sysvipc --link2symlink --kill-on-exit "--rootfs=$root" \
	/usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=xterm-256color PATH=/usr/bin:/bin \
	/bin/su -l root -c 'sh /root/look.sh'
looked "0:0 /root 6.2.1-PRoot-Distro $(uname -m)"

it 'proot-distro and others: a tarball is unpacked below PRoot, with its hard links'
mkdir -p "$WORK/tar/in" "$WORK/unpacked"
echo linked >"$WORK/tar/in/a"
ln "$WORK/tar/in/a" "$WORK/tar/in/b"
ln -s a "$WORK/tar/in/c"
tar -C "$WORK/tar/in" -cf "$WORK/tar/root.tar" .
run proot --link2symlink tar -C "$WORK/unpacked" --warning=no-unknown-keyword --delay-directory-restore --preserve-permissions -xpf "$WORK/tar/root.tar"
succeeds
err_empty
same 'linked linked linked 2' "$(cd "$WORK/unpacked" && cat a b c | tr '\n' ' ')$(stat -Lc %h "$WORK/unpacked/a")" 'unpacked'
rm -rf "$WORK/unpacked"
mkdir "$WORK/unpacked"
run env PROOT_NO_SECCOMP=1 proot -l tar -xf "$WORK/tar/root.tar" -C "$WORK/unpacked" --exclude=dev
succeeds
err_empty

# start.sh of AnLinux, and what was made of it: a string of words, run unquoted.
start_script() {
	cat >"$WORK/start.sh"
	cd "$WORK" || exit 1
}
it 'AnLinux: start-ubuntu.sh'
ln -sfn "$root" "$WORK/ubuntu-fs"
start_script <<'END'
unset LD_PRELOAD
command="proot"
command="$command --link2symlink"
command="$command -0"
command="$command -r ubuntu-fs"
command="$command -b /dev"
command="$command -b /proc"
command="$command -b ubuntu-fs/root:/dev/shm"
command="$command -w /root"
command="$command /usr/bin/env -i"
command="$command HOME=/root"
command="$command PATH=/usr/local/sbin:/usr/local/bin:/bin:/usr/bin:/sbin:/usr/sbin:/usr/games:/usr/local/games"
command="$command TERM=$TERM"
command="$command LANG=C.UTF-8"
command="$command /bin/sh --login"
com="$@"
if [ -z "$1" ]; then exec $command; else $command -c "$com"; fi
END
run env TERM=xterm sh "$WORK/start.sh" 'id -u; pwd; echo $HOME; ls /dev/shm; chown 3:4 /tmp; stat -c %u:%g /tmp'
out '0
/root
/root
look.sh
3:4'
err_empty
feed 'id -u
exit 5
'
run env TERM=xterm sh "$WORK/start.sh"
status 5
out_has '^0$'

it 'Andronix: start-ubuntu22.sh'
start_script <<'END'
unset LD_PRELOAD
command="proot --kill-on-exit --link2symlink -0 -r ubuntu-fs -b /dev -b /proc -b /sys -b STORAGE:/data -b ubuntu-fs/root:/dev/shm
 -b /proc/self/fd/2:/dev/stderr -b /proc/self/fd/1:/dev/stdout -b /proc/self/fd/0:/dev/stdin -b /dev/urandom:/dev/random
 -b /proc/self/fd:/dev/fd -b ubuntu-fs/tmp:/tmp -b /:/host-rootfs -b STORAGE:/sdcard -b STORAGE:/storage -b STORAGE:/mnt
 -w /root /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/bin:/usr/bin:/sbin:/usr/sbin TERM=xterm LANG=C.UTF-8 /bin/sh --login"
if [ -z "$1" ]; then exec $command; else $command -c "$*"; fi
END
sed -i "s,STORAGE,$WORK/storage,g" "$WORK/start.sh"
run sh "$WORK/start.sh" 'cat /sdcard/file /storage/file /mnt/file; cat /dev/fd/3 3</etc/hostname; [ -e /host-rootfs/etc/passwd ] && echo host; cat /host-rootfs/proc/self/comm; echo e >/dev/stderr'
out 'from-storage
from-storage
from-storage
rootfs-hostname
host
cat'
same e "$(cat "$err")" stderr

it 'others of that kind: PROOT_NO_SECCOMP, trailing slashes, two -r, -b of the root itself, no -w'
run env PROOT_NO_SECCOMP=1 proot --link2symlink -0 -r ubuntu-fs -b /dev/ -b /sys/ -b /proc/ -b "$WORK/storage" \
	-r "$WORK/ubuntu-fs" -b "$root" -w /root /usr/bin/env -i HOME=/root PATH=/bin:/usr/bin:/sbin:/usr/sbin TERM=xterm /bin/sh --login -c "id -u; cat $WORK/storage/file; ls -d $root/etc"
out "0
from-storage
$root/etc"
err_empty
run proot -b "$WORK/storage/file:/etc/resolv.conf" --bind=/dev/null:/proc/sys/kernel/cap_last_cap --bind=/proc -r "$root" -w / cat /etc/resolv.conf /proc/sys/kernel/cap_last_cap
out from-storage
err_empty

it 'apps: the loader, the L2S directory and the temporary directory by environment, and an interactive shell'
mkdir -p "$root/.l2s" "$root/proc" "$root/sys/.empty"
cp "$sysdata/loadavg" "$root/proc/.loadavg"
cp "$sysdata/stat" "$root/proc/.stat"
feed 'cat /proc/loadavg; id -u; ls -A /sys/fs/selinux; echo done
exit 0
'
run env PROOT_LOADER="$WORK/libproot_loader.so" PROOT_LOADER_32=/x PROOT_TMP_DIR="$prefix/cache" PROOT_L2S_DIR="$root/.l2s" HOME=/root \
	proot -r "$root" -L --link2symlink --sysvipc --kill-on-exit --root-id --ashmem-memfd -H --bind=/dev --bind=/proc --bind=/sys \
	--bind="$root/tmp:/dev/shm" --bind=/dev/urandom:/dev/random $fds --bind="$root/proc/.loadavg:/proc/loadavg" --bind="$root/proc/.stat:/proc/stat" \
	--bind="$root/sys/.empty:/sys/fs/selinux" --bind=/dev/pts:/dev/pts --bind=/dev/ptmx:/dev/ptmx -w / /bin/sh -i
succeeds
out_has '0.12 0.07 0.02 2/165 765$'
out_has '^0$'
out_has '^done$'

it 'udocker: modes P1 and P2, as root and as a user, with ports, and its look at what options there are'
for seccomp in PROOT_NEW_SECCOMP=1 PROOT_NO_SECCOMP=1; do
	run env $seccomp taskset -c 0 proot --kill-on-exit -b /dev:/dev -b /proc:/proc -b /sys:/sys -b /etc/resolv.conf:/etc/resolv.conf \
		-b /etc/host.conf:/etc/host.conf -b /dev/null:/dev/nothing -b "$WORK/storage:$WORK/storage" -b "$WORK/storage:/data" \
		-0 -k 6.8.0-45-generic -p '80:8080' -p '443:8443' -r "$root" -w /root /bin/sh -c 'id -u; uname -r; pwd; cat /data/file'
	out '0
6.8.0-45-generic
/root
from-storage'
	err_empty
	run env $seccomp proot -v 9 --kill-on-exit --link2symlink -b /proc:/proc -i 1000:100 -k 6.8.0 -n -r "$root" -w / id
	succeeds
	out_has '^uid=1000.* gid=100'
done
run proot --help
for option in --kill-on-exit --netcoop --port --link2symlink; do out_has "$option"; done
# Below the helper that imitates an app `proot` is a script of ours, which can't run twice.
if [ "$(head -c 2 "$bin/proot")" != '#!' ]; then
	run proot -r / proot --help
	out_has '--rootfs'
fi

it 'termux-chroot: directories of a prefix as those of a system'
mkdir -p "$prefix/usr"
cp -a "$root/bin" "$root/etc" "$prefix/usr/"
mkdir -p "$prefix/usr/lib" "$prefix/usr/share" "$prefix/usr/tmp" "$prefix/usr/var"
args='--kill-on-exit'
for name in bin etc lib share tmp var; do args="$args -b $prefix/usr/$name:/$name"; done
run proot $args -b "$prefix/usr:/usr" -b /dev:/dev -b /proc:/proc -b "$prefix/home:/home" -r "$prefix/usr/.." --cwd=. /bin/sh -c 'pwd; ls -d /bin/sh /usr/bin/sh; cat /etc/hostname; echo x >/tmp/x; [ /proc/self -ef /proc/$$ ] && echo own'
out '/
/bin/sh
/usr/bin/sh
rootfs-hostname
own'
[ -s "$prefix/usr/tmp/x" ] || fail 'nothing in the prefix'
[ ! -e "$prefix/bin" ] || fail 'a place stays in the prefix'

it 'void-packages and builders: no ids, the caller'\''s own user'
run proot -r "$root" -w / -b "$WORK/storage:/void-packages" -b /proc:/proc -b /dev:/dev -b /sys:/sys /bin/sh -c 'cat void-packages/file; id -u'
out "from-storage
$(id -u)"
err_empty

it 'verbosity: -v -1 is quiet, 0 warns, higher levels tell more, and the command'\''s output stays its own'
run proot -v -1 -b /no/such/place -r "$root" -w /no/where echo out
out out
err_empty
run proot -v 0 -b /no/such/place -r "$root" -w / echo out
err_has '^proot warning: can.t sanitize binding "/no/such/place": No such file or directory$'
for level in 1 2 3 5 9; do
	run proot -v "$level" -r "$root" -w / echo out
	out out
	err_has '^proot info: '
done
run env PROOT_VERBOSE=1 proot -r "$root" -w / echo out
out out
err_has "^proot info: root = $root\$"
run proot -v x -r "$root" true
status 1
err_has 'expects an integer value'

done_testing
