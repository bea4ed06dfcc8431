# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Binds and tmpfs.
. "$LIB"

host=$WORK/host
mkdir -p "$host/deep/er"
echo outside >"$host/file"
echo deeper >"$host/deep/er/file"

it 'shows a host directory with -v'
guest -v "$host:/mnt" cat /mnt/file /mnt/deep/er/file
out 'outside
deeper'

it 'writes to a bind reach the host'
guest -v "$host:/mnt" sh -c 'echo written >/mnt/new'
succeeds
same written "$(cat "$host/new")" 'the file on the host'

it 'shows a single file'
guest -v "$host/file:/etc/motd" cat /etc/motd
out outside

it 'makes a missing mount point, also deep ones'
guest -v "$host:/a/b/c" cat /a/b/c/file
out outside

it 'resolves a relative source'
run sh -c 'cd "$1" && shift && exec "$@"' sh "$host" \
	"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" -v ./deep:/mnt cat /mnt/er/file
out deeper

it 'refuses a source that does not exist'
guest -v "$host/none:/mnt" true
refused 'host/none'

it 'mounts one bind inside another'
guest -v "$host:/mnt" -v "$root/etc:/mnt/deep" sh -c 'ls /mnt/deep/passwd; cat /mnt/file'
out '/mnt/deep/passwd
outside'

it 'gives .. at a mount point the directory it is mounted in'
guest -v "$host:/tmp/x/mnt" -w /tmp/x/mnt sh -c 'cd ..; pwd -P; ls'
out '/tmp/x
mnt'

it 'follows a symlink of the root into a bind'
ln -s /mnt/deep "$root/into"
guest -v "$host:/mnt" cat /into/er/file
out deeper

it 'follows a symlink out of a bind inside the container'
ln -s /etc/passwd "$host/to-passwd"
guest -v "$host:/mnt" head -n 1 /mnt/to-passwd
out 'root:x:0:0:root:/root:/bin/sh'

it 'follows a relative symlink across a mount point'
ln -s ../../etc/group "$host/up-link"
guest -v "$host:/mnt" head -n 1 /mnt/up-link
out 'root:x:0:'

it 'mounts on the target of a symlink inside the root'
ln -s /var/tmp "$root/via"
guest -v "$host:/via" cat /var/tmp/file
out outside

it 'shows the mount point in its parent listing'
guest -v "$host:/brand-new" sh -c 'ls / | grep brand-new'
out brand-new

it 'refuses rename across mounts with EXDEV, and mv copies'
guest -v "$host:/mnt" sh -c 'echo moved >/tmp/m && mv /tmp/m /mnt/m && cat /mnt/m && test ! -e /tmp/m && echo gone'
out 'moved
gone'

it 'mounts with --mount type=bind'
guest --mount "type=bind,src=$host,dst=/mnt,ro" sh -c 'cat /mnt/file; echo x 2>/dev/null >/mnt/file || echo refused'
out 'outside
refused'

it 'mounts the same source twice, once read-only'
guest -v "$host:/rw" -v "$host:/ro:ro" sh -c 'echo y >/rw/both && cat /ro/both; touch /ro/both 2>/dev/null || echo refused'
out 'y
refused'

it 'refuses two mounts on one target, as podman does'
guest -v "$host:/mnt" -v "$host/deep:/mnt" ls /mnt
refused '/mnt'

it 'gives an empty tmpfs'
guest --tmpfs /etc sh -c 'ls -A /etc | grep -vE "^(hosts|hostname|resolv.conf)$"; echo t >/etc/t; cat /etc/t'
out t
[ ! -e "$root/etc/t" ] || fail 'the tmpfs wrote to the root filesystem'

it 'honours the mode of a tmpfs'
guest --tmpfs /scratch:mode=0711 stat -c %a /scratch
out 711

it 'bounds a tmpfs by size='
guest --tmpfs /scratch:size=64k sh -c 'head -c 1000000 /dev/zero >/scratch/big 2>/dev/null && echo fitted || echo full'
if [ "$code" = 125 ] && on ptrace 'no kernel mount, so no size'; then
	err_has tmpfs
else
	out full
fi

it 'refuses setuid and devices on a bind unless asked'
guest -v "$host:/mnt" grep ' /mnt ' /proc/self/mountinfo
out_has nosuid
out_has nodev

it 'gives a bind with noexec no execution'
cp "$root/bin/busybox" "$host/program"
guest -v "$host:/mnt:noexec" /mnt/program true
status 126

it 'lists mounts by guest path in mountinfo'
guest -v "$host:/mnt:ro" sh -c 'cut -d" " -f5,6 /proc/self/mountinfo'
out_has '^/mnt ro'
out_lacks "^$WORK"

it 'keeps a file with a space and a colon-less odd name in its source'
mkdir "$host/with space"
echo spaced >"$host/with space/f"
guest -v "$host/with space:/sp ace" cat '/sp ace/f'
out spaced

done_testing
