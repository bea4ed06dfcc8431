# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034,SC1003
# PRoot's command line, called as `proot`. It always uses path translation: the files of the other
# backend pass these cases the same way.
. "$LIB"

bin=$(dirname "$AMPHORA")
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# proot WORDS…: as a script would call it.
proot() { run env LC_ALL=C "$bin/proot" "$@"; }
# PRoot's own failures: exit 1, "proot error: …".
proot_refused() {
	status 1
	err_has '^proot error: '
	err_has "$1"
}
cd "$WORK" || exit 1

it 'shows help, and the version'
proot --help
succeeds
out_has '--rootfs'
proot -h
succeeds
proot --version
succeeds
out_has 'PRoot 5'
proot
status 1
err_has 'fatal error: see `proot --help`'

it 'answers to proot, amphora-proot and the names udocker uses'
for name in amphora-proot proot-x86_64-4_8_0; do
	ln -sf "$AMPHORA" "$WORK/$name"
	run "$WORK/$name" -r "$root" echo "$name"
	out "$name"
done

it 'runs a command in a root file system, given in each of the ways'
for words in "-r $root" "--rootfs=$root" "--rootfs $root" "-b $root:/"; do
	# shellcheck disable=SC2086 # words
	proot $words -w / cat /etc/hostname
	out rootfs-hostname
done
cd "$root" || exit 1
proot --rootfs=. --cwd=/ cat /etc/hostname
out rootfs-hostname
cd "$WORK" || exit 1

it 'without a root file system shows the whole machine, writable as ever'
echo from-host >"$WORK/note"
proot cat "$WORK/note"
out from-host
proot sh -c "echo changed >$WORK/note"
succeeds
same changed "$(cat "$WORK/note")" 'the note'

it 'passes the exit code through, and the signal that ended it'
proot -r "$root" sh -c 'exit 7'
status 7
proot -r "$root" sh -c 'kill -TERM $$'
status 143

it 'says in PRoot'\''s words that a command is not there or no program'
proot -r "$root" no-such-command
status 1
err_has "^proot error: 'no-such-command' not found \(root = $root, cwd = /, \\\$PATH="
proot -r "$root" /etc/passwd
status 1
err_has '^proot error: execve\("/etc/passwd"\): Permission denied$'
err_has '^fatal error: see `proot --help`'

it 'gives a script without an interpreter to the shell, as execvp does'
printf 'echo "$0 $*"\n' >"$root/plain-script"
chmod 755 "$root/plain-script"
proot -r "$root" -w / /plain-script a b
out '/plain-script a b'
head -c 300 "$root/bin/busybox" >"$root/no-program"
chmod 644 "$root/no-program"
proot -r "$root" -w / /no-program
status 1

it 'finds nothing by name without PATH'
for set in -uPATH PATH=; do
	run env "$set" "$bin/proot" -r "$root" -w / true
	status 1
	err_has "^proot error: 'true' not found"
	run env "$set" "$bin/proot" -r "$root" -w /bin ./true
	succeeds
done

it 'refuses a damaged program by name'
chmod 755 "$root/no-program"
proot -r "$root" -w / /no-program
status 1
err_has '^proot error: execve\("/no-program"\): Exec format error$'
err_has '^proot info: /no-program is damaged, or not a program$'

it 'runs a login shell when no command is given'
feed 'echo "$0"'
proot -r "$root"
succeeds
out_has sh

it 'leaves ids as they are'
echo x >"$WORK/own"
proot id -u
out "$(id -u)"
proot -r "$root" -b "$WORK:/w" stat -c '%u:%g' /w/own
out "$(stat -c '%u:%g' "$WORK/own")"
proot sh -c 'id -G'
out "$(id -G)"

it 'shows root with -0, and the ids of -i with own files in them'
proot -0 -r "$root" -b "$WORK:/w" -w /w sh -c 'id -u; stat -c %u:%g own; chown 5:6 own; stat -c %u:%g own'
out '0
0:0
5:6'
rm -f "$WORK/own"
echo x >"$WORK/own"
proot -i 123:456 -r "$root" -b "$WORK:/w" -w /w sh -c 'id -u; id -g; stat -c %u:%g own; touch new; stat -c %u:%g new'
out '123
456
123:456
123:456'
proot --change-id=0:0 -r "$root" id -u
out 0
proot -0 -i 9:9 id -u
out 9
err_has 'proot warning: option -i/-0/-S was already specified'
rm -f "$WORK/own" "$WORK/new"

it 'refuses ids that are no numbers'
proot -i nobody:x true
proot_refused 'two numbers'

it 'a set-id program of the root file system is root under -i, as su must be'
chmod 4755 "$root/helpers/resuid"
if as plain; then
	proot -i 1000:1000 -r "$root" -w / /helpers/resuid
	out '1000 0 0'
fi
proot -r "$root" -w / /helpers/resuid
out "$(id -u) $(id -u) $(id -u)"

it 'hands down the environment, with PWD kept true'
run env -i MARK=42 PWD=/wrong "$bin/proot" -r "$root" -w /etc /bin/env
succeeds
out_has '^MARK=42$'
out_has '^PWD=/etc$'
out_lacks '^HOME='

it 'needs no home directory'
run env -u HOME -u XDG_DATA_HOME "$bin/proot" -0 -r "$root" id -u
out 0

it 'keeps its live state in PROOT_TMP_DIR, and refuses one that cannot be written'
if as plain; then
	mkdir -p "$WORK/live" "$WORK/closed"
	chmod 555 "$WORK/closed"
	run env PROOT_TMP_DIR="$WORK/live" "$bin/proot" -r "$root" -w / true
	succeeds
	[ -n "$(ls "$WORK/live")" ] || fail 'nothing in PROOT_TMP_DIR'
	run env PROOT_TMP_DIR="$WORK/closed" "$bin/proot" -r "$root" -w / true
	proot_refused "$WORK/closed"
fi

it 'starts in the current directory where the guest has it, in / where it has not'
proot pwd
out "$(pwd -P)"
proot -r "$root" pwd
out /
err_has "^proot warning: can't chdir\(\"$WORK.*\"\) in the guest rootfs: No such file or directory"
err_has '^proot info: default working directory is now "/"'
proot -v -1 -r "$root" -w /no/where pwd
out /
err_empty
proot -r "$root" --pwd=/usr/bin pwd
out /bin

it 'binds with -b, -m, --bind and --mount, the host path alone or with a place'
mkdir -p "$WORK/data"
echo bound >"$WORK/data/file"
for option in -b -m; do
	proot $option "$WORK/data:/mnt/data" -r "$root" cat /mnt/data/file
	out bound
done
for option in --bind --mount; do
	proot "$option=$WORK/data" -r "$root" cat "$WORK/data/file"
	out bound
done
proot -b data:/x -r "$root" cat /x/file
out bound

it 'warns of a missing binding and goes on'
proot -b /no/such/thing:/x -r "$root" echo on
out on
err_has '^proot warning: can.t sanitize binding "/no/such/thing": No such file or directory$'
run env PROOT_IGNORE_MISSING_BINDINGS=1 "$bin/proot" -w / -b /no/such/thing -r "$root" echo on
out on
err_empty

it 'lets the last binding on a place win'
mkdir -p "$WORK/other"
echo other >"$WORK/other/file"
proot -b "$WORK/data:/x" -b "$WORK/other:/x" -r "$root" cat /x/file
out other

it 'binds over a symlink with !, and behind it without'
ln -sfn tmp "$root/link"
proot -b "$WORK/data:/link!" -r "$root" sh -c 'cat /link/file; ls /tmp'
out bound
proot -b "$WORK/data:/link" -r "$root" sh -c 'cat /tmp/file'
out bound

it 'covers a symlink to nowhere, as resolv.conf often is'
mv "$root/etc/resolv.conf" "$root/etc/resolv.saved"
ln -s ../run/none/resolv.conf "$root/etc/resolv.conf"
proot -b "$WORK/data/file:/etc/resolv.conf" -r "$root" cat /etc/resolv.conf
out bound
rm "$root/etc/resolv.conf"
mv "$root/etc/resolv.saved" "$root/etc/resolv.conf"

it 'makes up directories that a binding needs where the root cannot be written'
if as plain; then
	proot -b "$WORK/data:/not/there/yet" cat /not/there/yet/file
	out bound
	[ ! -e /not ] || fail '/not was made'
fi

it 'takes the places it made away again, and leaves what it found'
mkdir -p "$root/found"
proot -b "$WORK/data:/made/up/place" -b "$WORK/data/file:/made/one" -b "$WORK/data:/found" -r "$root" -w / sh -c 'cat /made/up/place/file /made/one; ls -d /made/*; ls /found'
out 'bound
bound
/made/one
/made/up
file'
[ ! -e "$root/made" ] || fail "what was made stays: $(find "$root/made")"
[ -d "$root/found" ] || fail 'what was there has gone'
proot -b "$WORK/data:/made/up" -r "$root" -w / touch /made/other
succeeds
[ -e "$root/made/other" ] || fail 'a file of the guest'\''s was removed'
[ ! -e "$root/made/up" ] || fail 'its neighbour stays'
rm -rf "$root/made" "$root/found"

it 'shows no places in listings with PROOT_DONT_POLLUTE_ROOTFS, and makes none'
run env PROOT_DONT_POLLUTE_ROOTFS=1 "$bin/proot" -b "$WORK/data:/unseen/there" -b "$WORK/data:/unseen2" -r "$root" -w / \
	sh -c 'cat /unseen/there/file /unseen2/file; ls / | grep -c unseen; find / -maxdepth 1 -name "unseen*"'
out 'bound
bound
0'
err_empty

it 'shows no /proc, /dev or /sys that was not bound, and no files of ours'
proot -r "$root" ls -A /proc /dev /sys
out_lacks '[a-z0-9]$'
proot -r "$root" cat /etc/resolv.conf /etc/hosts
out 'rootfs-resolv
rootfs-hosts'
proot -b /proc -b /dev -r "$root" sh -c '[ /proc/self -ef /proc/$$ ] && echo x >/dev/null && echo fine'
out fine

it 'keeps /proc/self true when all of the machine is shown'
proot sh -c 'readlink /proc/self/cwd'
out "$(pwd -P)"
proot -b /:/host -r "$root" -w / sh -c 'cat /host/proc/self/comm'
out cat

it 'reaches all of the machine without -r: no boundary that PRoot has not'
proot sh -c 'cat /etc/passwd >/dev/null && ls / >/dev/null && ls /usr/bin >/dev/null && echo all'
out all

it 'says what the kernel is'
proot -k 3.14-me -r "$root" uname -r
out 3.14-me
proot '--kernel-release=\Linux\box\6.17.0-PRoot-Distro\#1 SMP PREEMPT_DYNAMIC\riscv64\localdomain\-1\' -r "$root" uname -a
out_has '^Linux box 6.17.0-PRoot-Distro #1 SMP PREEMPT_DYNAMIC riscv64'
proot -r "$root" uname -nrm
out "$(uname -nrm)"
proot -k '\Linux\box' -r "$root" uname -r
out "$(uname -r)"
err_has "^proot error: can't find nodename field in '.Linux.box'"

it 'gives programs the hwcap of -k, and the machine'\''s own for -1'
proot -k '\s\n\r\v\m\d\0\' env LD_SHOW_AUXV=1 true
out_has '^AT_HWCAP: +0?$'
hwcap=$(env LD_SHOW_AUXV=1 true | grep '^AT_HWCAP:')
proot -k '\s\n\r\v\m\d\-1\' env LD_SHOW_AUXV=1 true
grep -qxF "$hwcap" "$out" || fail "hwcap: $(grep HWCAP "$out")"
proot -k '\s\n\r\v\m\d\zz\' true
succeeds
err_has "^proot error: can't find hwcap field in"
err_has '^proot warning: option "-k .* discarded'
if as plain; then
	proot -0 -k '\s\node\r\v\m\domain\-1\' -r "$root" sh -c 'hostname; hostname other && hostname && uname -n'
	out 'node
other
other'
fi

it 'leaves names that begin with .proot out of the root'\''s listings with -H'
mkdir -p "$root/hide/.proot-all" "$WORK/hide2"
touch "$root/hide/.proot.meta" "$root/hide/seen" "$WORK/hide2/.proot.own" "$root/hide/.proo"
proot -H -b "$WORK/hide2:/mnt/hide2" -r "$root" -w /hide sh -c 'ls -A; ls -A /mnt/hide2; ls .proot-all; test -e .proot.meta && echo there'
out '.proo
seen
.proot.own
there'
proot -r "$root" -w /hide ls -A
out '.proo
.proot-all
.proot.meta
seen'
rm -rf "$root/hide" "$WORK/hide2"

it 'hands down open files and standard input'
echo through-three >"$WORK/three"
run sh -c '"$1" -r "$2" sh -c "cat <&7" 7<"$3"' - "$bin/proot" "$root" "$WORK/three"
out through-three
feed from-stdin
proot -r "$root" cat
out from-stdin

it 'stays in the session of its caller'
proot -b /proc -r "$root" sh -c 'cut -d " " -f 6 /proc/self/stat'
out "$(cut -d ' ' -f 6 /proc/self/stat)"

it 'accepts what is meaningless here, and says so at -v 1 only'
proot -l -L -H --link2symlink --sysvipc --ashmem-memfd --kill-on-exit --mixed-mode false -r "$root" -w / echo quiet
out quiet
err_empty
run env PROOT_NO_SECCOMP=1 PROOT_LOADER=/x PROOT_TMP_DIR="$WORK" PROOT_L2S_DIR=/y "$bin/proot" -v 1 -l -r "$root" -w / echo told
out told
err_has 'proot info: PROOT_NO_SECCOMP is not looked at'
err_has 'proot info: -l: hard links'

it 'refuses bad words for ports'
proot -p 80:8080 -p 0:1 -r "$root" true
proot_refused 'option -p: "0:1" is not PORT:PORT'
proot --port=80:99999 true
proot_refused 'is not PORT:PORT'

it 'refuses bad words in PRoot'\''s'
proot --no-such true
proot_refused "unknown option '--no-such'"
err_has '^fatal error: see `proot --help`'
proot -r
proot_refused "missing value for option '-r'"
proot --kill-on-exit=1 true
proot_refused 'expects no value'
proot -r /no/root true
proot_refused '/no/root": No such file or directory'

it '-R brings the machine'\''s files along, -S root as well'
proot -R "$root" sh -c 'cat /etc/passwd; ls /proc/self/exe; id -u'
out_has "^$(head -n 1 /etc/passwd)\$"
out_has "^$(id -u)\$"
proot -S "$root" sh -c 'id -u; cat /etc/passwd; echo x >/dev/null'
out_has '^0$'
out_has '^guest:'

it 'kills what is left when the command ends, with --kill-on-exit'
proot --kill-on-exit -r "$root" sh -c 'sleep 317 & echo started; exit 3'
status 3
out started
sleep 0.2
! pgrep -f 'sleep 317' >/dev/null || fail 'a process was left'

it 'waits for every process without it, and returns the last one'\''s status'
proot -b /dev -r "$root" sh -c '(sleep 0.3; echo late >/tmp/late; exit 4) & exit 3'
status 4
[ -s "$root/tmp/late" ] || fail 'the background process was ended'
rm -f "$root/tmp/late"
proot -r "$root" sh -c 'exit 5'
status 5
proot -r "$root" sh -c 'kill -KILL $$'
status 137

it 'runs the line that proot-distro emits on Termux'
mkdir -p "$WORK/shm" "$WORK/sysdata"
echo '0.12 0.07 0.02 2/165 765' >"$WORK/sysdata/loadavg"
cd "$root" || exit 1
proot --kill-on-exit --link2symlink --sysvipc \
	'--kernel-release=\Linux\localhost\6.17.0-PRoot-Distro\#1 SMP PREEMPT_DYNAMIC Fri, 10 Oct 2025 00:00:00 +0000\aarch64\localdomain\-1\' \
	-L --change-id=1000:1000 --rootfs=. --cwd=/home/guest --bind=/dev --bind=/proc --bind=/sys \
	--bind=/dev/urandom:/dev/random --bind=/proc/self/fd:/dev/fd --bind=/proc/self/fd/0:/dev/stdin \
	--bind="$WORK/sysdata/loadavg:/proc/loadavg" --bind="$WORK/shm:/dev/shm" -p \
	/usr/bin/env -i HOME=/home/guest PATH=/usr/bin:/bin TERM=xterm \
	/bin/sh -c 'id -u; pwd; uname -m; cat /proc/loadavg; echo x >/dev/shm/x; echo "$HOME"; cat /dev/fd/3 3</etc/hostname'
out '1000
/home/guest
aarch64
0.12 0.07 0.02 2/165 765
/home/guest
rootfs-hostname'
cd "$WORK" || exit 1

it 'runs the line that proot-distro emits elsewhere'
cd "$root" || exit 1
proot --change-id=0:0 --rootfs=. --cwd=/root --bind=/dev --bind=/proc --bind=/sys /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin /bin/sh -l -c 'id -u; pwd'
out '0
/root'
cd "$WORK" || exit 1

it 'runs the lines that udocker emits'
for seccomp in '' PROOT_NO_SECCOMP=1; do
	# shellcheck disable=SC2086 # nothing when empty
	run env $seccomp HOME="$HOME" "$bin/proot" --kill-on-exit -b /dev:/dev -b /proc:/proc -b /sys:/sys \
		-b /etc/resolv.conf:/etc/resolv.conf -b /etc/host.conf:/etc/host.conf -b "$WORK/data:/data" \
		-0 -k 5.4.0 -r "$root" -w /root /bin/sh -c 'id -u; uname -r; pwd; cat /data/file'
	out '0
5.4.0
/root
bound'
done
proot -b /dev:/dev -i 1000:1000 -k 5.4.0 -r "$root" -w / /bin/sh -c 'id -u'
out 1000
proot -0 -k 5.4.0 -p '80:8080 ' -n -r "$root" -w / /bin/echo ports
out ports
err_empty

it 'runs UserLAnd'\''s and Andronix'\''s kind of line'
run env -u LD_PRELOAD "$bin/proot" --link2symlink -0 -r "$root" -b /dev -b /proc -b "$root/root:/dev/shm" -w /root \
	/usr/bin/env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin TERM=xterm LANG=C.UTF-8 /bin/sh --login -c 'id -un; pwd'
out 'root
/root'

done_testing
