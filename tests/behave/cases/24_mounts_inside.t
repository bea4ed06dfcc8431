# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# What the guest mounts itself, and namespaces of its making: by the kernel on the namespace backend, which
# is thus what the tracer's emulation is compared with.
. "$LIB"

mkdir -p "$root/mnt" "$root/old" "$root/src/sub"
echo source >"$root/src/file"
chmod 777 "$root/mnt" "$root/src" "$root/src/sub"

inside() {
	if [ "$BACKEND" = ns ]; then guest --cap-add SYS_ADMIN "$@"; else guest "$@"; fi
}

it 'refuses mounts and namespaces to root without the capability'
if as plain && on ptrace 'the fake root of faked ids has all capabilities'; then
	guest -u 1000:1000 sh -c 'mount -t tmpfs none /mnt || mount --bind /src /mnt || umount /proc || unshare -m true || unshare -u true'
else
	guest sh -c 'mount -t tmpfs none /mnt || mount --bind /src /mnt || umount /proc || unshare -m true || unshare -u true'
fi
fails

if as root && on ptrace 'ids are real, and root has no CAP_SYS_ADMIN'; then
	done_testing
	exit
fi

it 'mounts a tmpfs and takes it away'
inside sh -c 'mount -t tmpfs none /mnt && echo in >/mnt/file && cat /mnt/file && grep -c " /mnt tmpfs " /proc/mounts && umount /mnt && ls /mnt && grep -c " /mnt " /proc/mounts'
out 'in
1
0'

it 'heeds the mode of a tmpfs'
inside sh -c 'mount -t tmpfs -o mode=0750 none /mnt && stat -c %a /mnt'
out 750

it 'leaves nothing of a tmpfs on the host'
inside sh -c 'mount -t tmpfs none /mnt && echo leftover-of-a-tmpfs >/mnt/leftover'
succeeds
same '' "$(find "${XDG_RUNTIME_DIR:-/run}" "$root" -name leftover 2>/dev/null)" 'what is left'

it 'binds a directory, and a file'
inside sh -c 'mount --bind /src /mnt && cat /mnt/file && mount --bind /etc/passwd /src/file && head -c 5 /src/file && cat /mnt/file'
out 'source
root:source'

it 'refuses to bind a directory on a file'
inside mount --bind /src /etc/passwd
fails
err_has 'Not a directory'

it 'makes a bind read-only by remount, and writable again'
inside sh -c 'mount --bind /src /mnt && mount -o remount,bind,ro /mnt && ! touch /mnt/x 2>/dev/null && touch /src/x && mount -o remount,bind,rw /mnt && touch /mnt/y && ls /src'
out 'file
sub
x
y'
rm -f "$root/src/x" "$root/src/y"

it 'copies what is mounted below with a recursive bind only'
inside sh -c 'mount -t tmpfs none /src/sub && touch /src/sub/in && mount --bind /src /mnt && ls /mnt/sub && mount --rbind /src /old && ls /old/sub'
out in

it 'moves a mount'
inside sh -c 'mount -t tmpfs none /mnt && touch /mnt/in && mount --move /mnt /old && ls /old && ls /mnt'
out in

it 'is busy while something is mounted below or somebody stands there'
inside sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/a && mount -t tmpfs none /mnt/a; umount /mnt 2>/dev/null; echo $?; umount /mnt/a; cd /mnt; umount /mnt 2>/dev/null; echo $?; cd /; umount /mnt; echo $?'
out '1
1
0'

it 'detaches lazily: who stands there goes on'
inside sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/a && cd /mnt/a && umount -l /mnt && touch f && ls && ls /mnt'
out f

it 'shows the container with a new proc, masks included'
inside sh -c 'mount -t proc none /mnt && cat /mnt/self/comm && [ "$(cat /mnt/keys | wc -c)" = 0 ] && ! echo x >/mnt/sys/kernel/hostname && umount /mnt && ls /mnt' 2>/dev/null
out cat

it 'refuses file systems that need a device or root of the machine'
inside sh -c 'for type in ext4 overlay nonsense; do mount -t $type none /mnt 2>/dev/null; echo $?; done'
out_lacks '^0$'

it 'takes hundreds of mounts, one after the other'
inside sh -c 'for i in $(seq 700); do mount -t tmpfs none /mnt && umount /mnt || exit 1; done; echo finished'
out finished

it 'forgets what was detached lazily, but what somebody has open'
inside sh -c 'mount -t tmpfs none /old && mkdir /old/d && echo kept >/old/d/f && exec 9</old/d && umount -l /old && for i in $(seq 700); do mount -t tmpfs none /mnt && umount -l /mnt || exit 1; done; cat /proc/self/fd/9/f'
out kept

it 'pivots: the new root hides the old one'
inside sh -c 'mount -t tmpfs none /mnt && cp -a /bin /mnt && mkdir /mnt/put && cd /mnt && pivot_root . put && ls / && ls /put/src && cd / && umount -l /put && ls /put && pwd'
out 'bin
put
file
sub
/'

it 'pivots onto itself: pivot_root . .'
inside sh -c 'mount -t tmpfs none /mnt && cp -a /bin /mnt && cd /mnt && pivot_root . . && umount -l . && ls /'
out bin

it 'gives a new mount namespace mounts of its own'
inside sh -c 'unshare -m sh -c "mount -t tmpfs none /mnt && touch /mnt/in && ls /mnt"; ls /mnt; [ "$(readlink /proc/self/ns/mnt)" != "$(unshare -m readlink /proc/self/ns/mnt)" ] && echo differs'
out 'in
differs'

it 'tells namespaces apart by inode and by link'
inside sh -c 'unshare -u sh -c "[ \$(stat -Lc %i /proc/self/ns/uts) != \$(stat -Lc %i /proc/\$PPID/ns/uts) ] && [ uts:[\$(stat -Lc %i /proc/self/ns/uts)] = \$(readlink /proc/self/ns/uts) ] && echo right"; true'
out right

it 'gives a new UTS namespace a name of its own'
inside sh -c 'hostname first; unshare -u sh -c "hostname; hostname second; hostname"; hostname'
out 'first
second
first'

it 'enters the namespaces of another process'
inside sh -c 'unshare -mu sh -c "mount -t tmpfs none /mnt; hostname inner; touch /mnt/in; echo ready; read x" </dev/zero >/tmp/ready &
	until grep -q ready /tmp/ready 2>/dev/null; do :; done
	nsenter -t $! -m -u sh -c "ls /mnt; hostname; pwd"; ls /mnt; hostname outer; kill $!'
out 'in
inner
/'

it 'knows where it stands after a chdir that failed'
if on ns 'the fake root of faked ids is what this is about'; then :; else
	guest sh -c 'mkdir -p /src/closed && mount --bind / /mnt && cd /home && cd /mnt/none 2>/dev/null; cd /mnt/etc/passwd 2>/dev/null; pwd -P; readlink /proc/self/cwd; cd /mnt/home && pwd -P; cd .. && pwd -P'
	out '/home
/home
/mnt/home
/mnt'
fi

# Programs of the guest that bring a sandbox along need user namespaces.
if on ns 'user namespaces inside are refused, as by podman'; then
	it 'refuses a user namespace'
	guest unshare -U true
	fails
	done_testing
	exit
fi

it 'says ENOSPC when there are too many'
guest sh -c 'i=0; while mount --bind /src /mnt 2>/dev/null; do i=$((i + 1)); done; [ $i -gt 300 ] && mount --bind /src /mnt; ls /mnt/sub'
succeeds
err_has 'No space left'

it 'maps ids in a user namespace'
if ! below_app 'it makes unshare(CLONE_NEWUSER) EINVAL'; then
guest sh -c 'unshare -r sh -c "id -u; id -g; cat /proc/self/uid_map; touch /tmp/own; stat -c %u:%g /tmp/own"; rm /tmp/own'
out '0
0
         0          0          1
0:0'
guest -u 1000:1000 unshare -r sh -c 'id -u; cat /proc/self/uid_map /proc/self/setgroups; stat -c %u /etc; chown 5 /tmp 2>/dev/null || echo refused'
out '0
         0       1000          1
deny
65534
refused'
fi

it 'shows nobody before a map is written, and what is written after'
if ! below_app 'it makes unshare(CLONE_NEWUSER) EINVAL'; then
guest unshare -U sh -c 'id -u; echo "7 0 1" >/proc/self/uid_map; id -u; cat /proc/self/uid_map; echo "8 0 1" 2>/dev/null >/proc/self/uid_map || echo once'
out '65534
7
         7          0          1
once'
fi

it 'gives a user all capabilities in a namespace of its own, and none outside'
if ! below_app 'it makes unshare(CLONE_NEWUSER) EINVAL'; then
guest -u 1000:1000 sh -c 'mount -t tmpfs none /mnt 2>/dev/null || echo no; unshare -rm mount -t tmpfs none /mnt && echo yes; unshare -r mount -t tmpfs none /mnt 2>/dev/null || echo not outside'
out 'no
yes
not outside'
fi

it 'keeps a network namespace off the network'
guest unshare -rn sh -c 'nc -z 127.0.0.1 1 2>&1; nc -zu 127.0.0.1 53 && echo reached' </dev/null
out_lacks reached

# Attacks. What the plan mounted stays as it is.
mkdir -p "$WORK/ro" "$WORK/cover"
echo outside >"$WORK/ro/file"
chmod -R a+rwX "$WORK/ro" "$WORK/cover"
echo covered >"$root/src/secret"

it 'a read-only bind of the plan stays read-only, however it is mounted again'
guest -v "$WORK/ro:/mnt:ro" sh -c 'mount -o remount,rw /mnt; mount -o remount,bind,rw /mnt; mount --bind /mnt /old; mount -o remount,bind,rw /old; mount --rbind / /src/sub; mount -o remount,bind,rw /src/sub/mnt; for d in /mnt /old /src/sub/mnt; do echo bad >$d/file; touch $d/new; done; unshare -rm sh -c "mount -o remount,bind,rw /mnt; touch /mnt/new"; cat /mnt/file' 2>/dev/null
out outside
same 'file' "$(ls "$WORK/ro")" 'the directory'

it 'what the plan covered stays covered'
guest -v "$WORK/cover:/src:ro" sh -c 'umount /src; umount -l /src; mount --move /src /mnt; mount --bind / /old; umount /old/src; umount -l /old/src; unshare -m sh -c "umount -l /src; cat /src/secret"; cat /src/secret /old/src/secret; mkdir /mnt/p; mount -t tmpfs none /mnt; mkdir /mnt/p; pivot_root /mnt /mnt/p; umount -l /p/src; cat /p/src/secret' 2>/dev/null
out ''

it 'what the plan covered stays covered in a detached tree'
guest -v "$WORK/cover:/src:ro" sh -c 'mount --bind / /mnt; cd /mnt; umount -l /mnt; cat src/secret /proc/self/cwd/src/secret; unshare -m cat src/secret; exec 9<.; cd /; cat /proc/self/fd/9/src/secret' 2>/dev/null
out ''

it 'masks of /proc stay, on every new proc'
guest sh -c 'umount /proc/keys; umount -l /proc; mount -t proc none /proc; mount -t proc none /mnt; mount --bind /proc /old; cat /proc/keys /mnt/keys /old/keys; for d in /proc /mnt /old; do umount $d/sys; umount -l $d/sys; echo x >$d/sys/kernel/core_pattern && echo written; done' 2>/dev/null
out ''

it 'there is no way out by chroot, pivot and ..'
canary
guest sh -c 'mkdir -p /tmp/a/b; mount -t tmpfs none /tmp/a; mkdir /tmp/a/b; cd /tmp/a/b; umount -l /tmp/a; cat ../../../../../../..'"$WORK"'/canary; chroot /src sh; exec 9</; chroot /mnt true; cat /proc/1/root'"$WORK"'/canary /proc/self/fd/9/..'"$WORK"'/canary; mount --bind /proc/1/root /mnt; cat /mnt'"$WORK"'/canary; mount --bind /proc/'$$'/root /mnt; cat /mnt'"$WORK"'/canary; cd /; for i in 1 2 3 4 5 6 7 8; do cd ..; done; cat ./'"$WORK"'/canary' 2>/dev/null
canary_untouched

it 'an fd passed from outside is no source of a mount'
canary
run sh -c '"$0" run --preserve-fds 1 --backend ptrace --rootfs "$1" sh -c "mount --bind /proc/self/fd/3 /mnt; cat /mnt/canary; cd /proc/self/fd/3 && cat canary" 3<"$2"' "$AMPHORA" "$root" "$WORK" 2>/dev/null
canary_untouched

done_testing
