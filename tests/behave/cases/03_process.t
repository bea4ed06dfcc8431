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

# What is known of a program from before must not be taken for what is there (exec_known.c). Two programs, known by
# what they exit with; what is younger than 20 ms is never known.
for how in off auto; do
	[ "$BACKEND" = ptrace ] || [ $how = off ] || continue
	it "executes what is there, whatever was there before: fast path $how"
	cat >"$root/bin/swap" <<-'END'
		run() { sleep 0.05; for turn in 1 2 3 4; do /tmp/swap/d/true; printf '%s ' $?; done; echo "$1"; }
		rm -rf /tmp/swap; mkdir -p /tmp/swap/d; cd /tmp/swap
		cp /bin/busybox d/true; run 'copied: 0'
		cp /helpers/waits d/new; mv d/new d/true; run 'another in its place: 2'
		cat /bin/busybox >d/true; run 'written to: 0'
		chmod -x d/true; run 'not executable: 126'; chmod +x d/true; run 'executable: 0'
		mv d e; run 'its directory renamed: 127'
		mkdir d; cp /helpers/waits d/true; run 'another directory: 2'
		rm -r d; ln -s e d; run 'a symlink to the first: 0'; rm d; mv e d; run 'renamed back: 0'
		mv d/true d/real; ln -s real d/true; run 'a symlink to it: 0'
		cp /helpers/waits d/other; ln -sf other d/true; run 'a symlink to another: 2'
		ln -sf real d/other2; ln -sf other2 d/true; run 'two symlinks: 0'
		ln -sf other d/other2; run 'the second one leads elsewhere: 2'
		mv d/other d/o; cp /bin/busybox d/other; run 'what it leads to is another: 0'
		rm d/other; ln -s /tmp/swap/d/o d/other; run 'is a symlink: 2'
		rm d/other; mkdir d/other; run 'is a directory: 126'
	END
	guest --fast-path $how sh /bin/swap
	sed 's/^\(\S*\) \1 \1 \1 \(.*\): \1$/ok/' "$out" | grep -v '^ok$' >"$WORK/swapped"
	same '' "$(cat "$WORK/swapped")" 'what was executed'
	same 16 "$(wc -l <"$out")" 'lines'
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
