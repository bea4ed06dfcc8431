# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# What the first process starts with: environment, directory, user, host name.
. "$LIB"

it 'starts with a clean environment'
export SECRET_OF_HOST=1 FROM_HOST=copied
guest env
out_lacks SECRET_OF_HOST
out_has '^PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin$'
out_has '^container='
out_has '^HOME=/root$'

it 'sets variables with -e, the last one winning'
guest -e A=1 -e A=2 --env B='x y' sh -c 'echo "$A $B"'
out '2 x y'

it 'copies a variable with -e NAME'
guest -e FROM_HOST -e NOT_SET_AT_ALL sh -c 'echo "$FROM_HOST ${NOT_SET_AT_ALL-unset}"'
out 'copied unset'

it 'reads --env-file, and -e wins over it'
printf '# comment\nA=file\nB=file\n' >"$WORK/env"
guest --env-file "$WORK/env" -e A=flag sh -c 'echo "$A $B"'
out 'flag file'

it 'keeps a value with a newline'
guest -e 'A=one
two' sh -c 'echo "$A"'
out 'one
two'

it 'finds the command by the PATH of the container'
guest -e PATH=/helpers fds
succeeds

it 'starts in /'
guest pwd
out /

it 'starts in -w'
guest -w /tmp sh -c 'pwd; readlink /proc/self/cwd'
out '/tmp
/tmp'

it 'follows a symlink in -w inside the root'
ln -s /etc "$root/to-etc"
guest -w /to-etc sh -c 'pwd -P; cat passwd | head -n 1'
out '/etc
root:x:0:0:root:/root:/bin/sh'

it 'refuses a -w that does not exist'
guest -w /not/there true
fails
err_has '/not/there'

it 'is root by default'
guest id
out_has '^uid=0\(root\) gid=0\(root\)'

it 'runs as a number given with -u'
guest -u 1000:50 sh -c 'id -u; id -g'
if [ "$code" = 125 ] && as plain && on ns 'one mapped id can only be root'; then
	err_has ids
else
	out '1000
50'
fi

it 'runs as a name given with -u, with its groups and home'
guest -u guest sh -c 'id -un; id -gn; id -G; echo $HOME'
if [ "$code" = 125 ] && as plain && on ns 'one mapped id can only be root'; then
	err_has ids
else
	out 'guest
guest
1000 50
/home/guest'
fi

it 'refuses a user that the container does not know'
guest -u nobody-here true
refused nobody-here

it 'sets the host name'
guest --hostname box sh -c 'hostname; cat /etc/hostname; uname -n; echo $HOSTNAME'
out 'box
box
box
box'

it 'takes the name as host name when none is given'
guest --name vessel hostname
out vessel

it 'puts --entrypoint before the command'
guest --entrypoint /bin/echo a b
out 'a b'

it 'runs the shell of the container when no command is given'
feed 'echo from the shell'
guest -i
out 'from the shell'

it 'hands arguments over as they are'
guest printf '<%s>' '' 'a b' '*' '$x' '--rm' "quote'"
out "<><a b><*><\$x><--rm><quote'>"

it 'takes a long argument list'
guest sh -c 'echo $#' sh $(seq 1 5000)
out 5000

it 'executes programs when no more files can be open, as the kernel does'
for limit in '-n 4' '-S -n 4'; do
	guest sh -c "exec 3>&1; ulimit $limit; /bin/busybox echo ran; exec /bin/busybox sh -c 'ulimit -S -n'"
	out 'ran
4'
done

it 'leaves /etc/hosts, hostname and resolv.conf of the root filesystem alone'
guest --hostname box sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf'
succeeds
out_lacks rootfs-
out_has '127.0.0.1.*localhost'
same 'rootfs-hosts rootfs-hostname rootfs-resolv' \
	"$(cat "$root/etc/hosts" "$root/etc/hostname" "$root/etc/resolv.conf" | tr '\n' ' ' | sed 's/ $//')" 'files on the host'

it 'gives the resolver of the host, or the one of --dns'
guest --dns 192.0.2.7 cat /etc/resolv.conf
out_has '^nameserver 192.0.2.7'

it 'adds --add-host lines to /etc/hosts'
guest --add-host other:192.0.2.9 cat /etc/hosts
out_has '192.0.2.9[[:space:]]+other'

done_testing
