# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Users, owners, modes, device nodes, and that they are remembered.
. "$LIB"

# One mapped id: a namespace without subordinate ids knows only root.
one_id() {
	[ "$code" != 0 ] && as plain && [ "$BACKEND" = ns ] && grep -Eq 'Invalid argument|Operation not permitted|ids' "$err" &&
		on ns 'one mapped id: other owners do not exist'
}

it 'shows the files of the root as root'\''s'
guest stat -c %u:%g /etc/passwd /bin/busybox
out '0:0
0:0'

it 'changes an owner and sees it'
guest sh -c 'echo x >/owned && chown 1000:50 /owned && stat -c %u:%g /owned'
one_id || out 1000:50

it 'remembers the owner in the next run'
guest stat -c %u:%g /owned
if [ "$(stat -c %u "$root/owned")" = "$(id -u)" ] && [ "$BACKEND" = ns ]; then
	on ns 'one mapped id: other owners do not exist'
else
	out 1000:50
fi

it 'forgets the owner with the file'
guest sh -c 'rm -f /owned; echo y >/owned; stat -c %u:%g /owned; rm /owned'
out 0:0

it 'remembers the owner through rename and in ls'
guest sh -c 'echo x >/a && chown 1000 /a && mv /a /b && stat -c %u /b; ls -ln /b | tr -s " " | cut -d" " -f3; rm /b'
one_id || out '1000
1000'

it 'changes the owner of a symlink alone'
guest sh -c 'ln -s /etc/passwd /sl && chown -h 1000 /sl && stat -c %u /sl; stat -L -c %u /sl; rm /sl'
one_id || out '1000
0'

it 'keeps modes, with setuid and sticky bits'
guest sh -c 'echo x >/m && chmod 4751 /m && stat -c %a /m; mkdir -m 1777 /s && stat -c %a /s'
out '4751
1777'
guest stat -c %a /m /s
out '4751
1777'

it 'clears the setuid bit when the file is written or chowned by another'
guest sh -c 'chown 1000 /m; stat -c %a /m'
one_id || out 751

# A real one would be a way to the host's disks: CAP_MKNOD isn't in the default set.
it 'makes device nodes that are faked; real ones are EPERM'
guest sh -c 'mknod /null2 c 1 3 && stat -c "%F %t %T" /null2'
if [ "$BACKEND" = ns ] || as root; then
	fails
	err_has 'Operation not permitted'
else
	out 'character special file 1 3'
fi

it 'remembers a device node in the next run'
guest stat -c '%F' /null2
if [ "$BACKEND" = ns ] || as root; then
	fails
else
	out 'character special file'
fi

it 'becomes another user with su'
guest su guest -c 'id -u; id -g; id -G'
if [ "$code" != 0 ] && as plain && on ns 'one mapped id can only be root'; then :; else
	out '1000
1000
1000 50'
fi

it 'loses root'\''s power as another user'
guest sh -c 'echo secret >/root/secret && chmod 600 /root/secret && su guest -c "cat /root/secret"'
if [ -s "$out" ] && on ptrace 'ids are a fiction: the host owner reads what is his'; then :; else
	fails
	out ''
fi

it 'gives new files the current user'
guest sh -c 'su guest -c "touch /tmp/mine; stat -c %u /tmp/mine"'
if [ "$code" != 0 ] && as plain && on ns 'one mapped id can only be root'; then :; else
	out 1000
fi

it 'shows the generated files, /dev/shm and /tmp to another user'
guest --tmpfs /scratch -u 1000 sh -c 'test -s /etc/resolv.conf && test -s /etc/hosts && echo x >/dev/shm/f && echo y >/scratch/f && echo z >/tmp/f && cat /dev/shm/f /scratch/f /tmp/f'
if [ "$code" = 125 ] && as plain && on ns 'one mapped id can only be root'; then :; else
	out 'x
y
z'
fi

it 'runs another user in a root filesystem below a directory that only root may search'
mkdir -p "$WORK/closed"
cp -a "$BUSYBOX" "$WORK/closed/root"
chmod 700 "$WORK/closed"
run "$AMPHORA" run --backend "$BACKEND" --rootfs "$WORK/closed/root" -u 1000 head -n 1 /etc/passwd
if [ "$code" = 125 ] && as plain && on ns 'one mapped id can only be root'; then
	:
elif as root && on ptrace 'with real ids the kernel walks the host path as that user'; then
	status 125
	err_has 'must be able to search'
else
	out 'root:x:0:0:root:/root:/bin/sh'
fi

it 'does not give power over the host'\''s files to a plain user'
guest -v /etc:/host-etc sh -c 'echo x >>/host-etc/hostname.amphora-test'
if as plain; then
	fails
	[ ! -e /etc/hostname.amphora-test ] || fail 'written to the /etc of the host'
else
	rm -f /etc/hostname.amphora-test
fi

it 'agrees on hard links: both names have the new owner'
guest sh -c 'echo x >/l1 && ln /l1 /l2 && chown 1000 /l1 && stat -c "%u %h" /l2; rm /l1; stat -c "%u %h" /l2; rm /l2'
one_id || out '1000 2
1000 1'

it 'unpacks an archive with owners and modes'
guest sh -c 'mkdir -p /t/d && echo x >/t/d/f && chown 1000:50 /t/d/f && chmod 2750 /t/d && tar -cf /t.tar -C /t d && mkdir /u && tar -xf /t.tar -C /u && stat -c "%u:%g %a" /u/d/f /u/d'
one_id || out '1000:50 644
0:0 2750'

it 'gives new files the group of a set-group-id directory'
if ! on ns 'one id is mapped for a plain user' || as root; then
	guest sh -c 'mkdir /sgid && chown 0:50 /sgid && chmod 2775 /sgid && cd /sgid && touch a && mkdir d && touch d/b && ln -s x l && stat -c "%g %a" a d d/b && stat -c %g l'
	out '50 644
50 2755
50 644
50'
fi

# A Fedora root has such directories; Go's and Nix's stores too.
it 'lets root work in directories that nobody may write'
guest sh -c 'mkdir /w && cd /w && (umask 0222; mkdir d e; echo a >f) && echo b >>f && echo x >d/x && mv d/x e/y && ln e/y d/z && rm e/y &&
	mkdir d/sub && mv d/sub e/ && stat -c "%a %n" d e f && ls d e'
out '555 d
555 e
444 f
d:
z

e:
sub'
if on ptrace 'read-only binds are held by translation' && as plain; then
	mkdir -p "$WORK/bound/d" && chmod 555 "$WORK/bound/d"
	guest -v "$WORK/bound:/bound:ro" sh -c 'echo x >/bound/d/x; mv /bound/d /bound/e; rm -r /bound/d'
	fails
	same 555 "$(stat -c %a "$WORK/bound/d")" mode
fi

it 'lets root search directories that nobody may search, and shows their mode'
if as plain; then
	mkdir -p "$root/closed/a/b"
	echo in >"$root/closed/a/b/f"
	ln -s a/b "$root/closed/link"
	chmod 0600 "$root/closed/a/b"
	chmod 0644 "$root/closed/a"
	chmod 0 "$root/closed"
fi
guest sh -c '[ -d /closed ] || { mkdir -p /closed/a/b; echo in >/closed/a/b/f; ln -s a/b /closed/link; chmod 600 /closed/a/b; chmod 644 /closed/a; chmod 0 /closed; }
	cat /closed/link/f; cd /closed/a/b && pwd && cat f; cd /; touch /closed/a/b/new; ls /closed/a/b; stat -c %a /closed /closed/a /closed/a/b; rm -r /closed/a && ls /closed'
out 'in
/closed/a/b
in
f
new
0
644
600
link'
guest sh -c 'chroot /closed /bin/true; rm -r /closed'
if on ptrace 'read-only binds are held by translation' && as plain; then
	mkdir -p "$WORK/bound/x" && echo in >"$WORK/bound/x/f" && chmod 600 "$WORK/bound/x"
	guest -v "$WORK/bound:/bound:ro" cat /bound/x/f
	fails
	same 600 "$(stat -c %a "$WORK/bound/x")" mode
fi

done_testing
