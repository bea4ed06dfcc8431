# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Paths mean what the kernel says they mean.
. "$LIB"

it 'changes root inside the container'
mkdir -p "$root/inner/bin" "$root/inner/etc"
cp "$root/bin/busybox" "$root/inner/bin/sh"
echo innermost >"$root/inner/etc/name"
guest chroot /inner sh -c 'read x </etc/name; echo "$x"; cd /; pwd; cd ..; pwd'
out 'innermost
/
/'

it 'keeps .. inside the inner root'
guest chroot /inner sh -c 'read x <../../../etc/name; echo "$x"; test -e /../inner && echo out || echo in'
out 'innermost
in'

it 'follows the working directory when it is renamed'
guest sh -c 'mkdir -p /w/a && cd /w/a && mv /w/a /w/b && pwd -P; readlink /proc/self/cwd; touch here; ls /w/b'
out '/w/b
/w/b
here'

it 'follows the working directory when its parent is renamed'
guest sh -c 'mkdir -p /w2/a/b && cd /w2/a/b && mv /w2/a /w2/c && cd -P .. && pwd -P'
out /w2/c

it 'says ENOENT in a deleted working directory, and can leave it'
guest sh -c 'mkdir /gone && cd /gone && rmdir /gone; touch x 2>/dev/null || echo enoent; cd /; pwd'
out 'enoent
/'

it 'says (deleted) for a deleted working directory'
guest sh -c 'mkdir /gone && cd /gone && rmdir /gone; readlink /proc/self/cwd'
out '/gone (deleted)'

it 'clamps .. at the root'
guest sh -c 'cd /../../..; pwd -P; head -n 1 /../../../../../../etc/passwd'
out '/
root:x:0:0:root:/root:/bin/sh'

it 'resolves an absolute symlink inside the root'
ln -s /etc/passwd "$root/absolute"
guest head -n 1 /absolute
out 'root:x:0:0:root:/root:/bin/sh'

it 'resolves a symlink that climbs above the root'
ln -s ../../../../../../../../../../etc/passwd "$root/climbing"
guest head -n 1 /climbing
out 'root:x:0:0:root:/root:/bin/sh'

it 'makes, reads and removes a deep tree'
guest sh -c 'd=/deep; i=0; mkdir $d; while [ $i -lt 60 ]; do d=$d/level-$i; mkdir $d || exit 1; i=$((i + 1)); done; echo bottom >$d/f; cat $d/f; rm -r /deep; test -e /deep || echo gone'
out 'bottom
gone'

it 'handles names with spaces, newlines and UTF-8'
guest sh -c 'f="/tmp/a b
c-ä-日本"; echo odd >"$f"; cat "$f"; rm "$f"; ls /tmp | grep -c odd'
out 'odd
0'

it 'removes a directory that the user may not search'
guest sh -c 'mkdir -p /tmp/closed/x && chmod 0 /tmp/closed && rm -r /tmp/closed && echo removed'
out removed

it 'finds every file of the root without an error'
guest find / -xdev -name passwd
out_has '^/etc/passwd$'
err_empty

it 'watches a file with inotify'
guest sh -c 'touch /tmp/w; timeout 5 inotifyd - /tmp/w:c >/tmp/seen & sleep 0.3; echo x >/tmp/w; sleep 0.3; cat /tmp/seen'
succeeds

it 'lets nobody chroot who lacks the capability'
guest chroot /inner sh -c :
succeeds
guest --user 1000 chroot /inner sh -c :
fails
err_has 'not permitted'
if as plain && on ptrace 'the fake root of faked ids has all capabilities'; then
	:
else
	guest --cap-drop SYS_CHROOT chroot /inner sh -c :
	fails
	err_has 'not permitted'
fi

it 'answers 2,900 pairs of operation and path as the kernel does in a chroot'
oracle=$WORK/oracle
pairs=$((every > 1 ? 3 * every : 1)) # behind each the tree is made anew
cp -a "$root" "$oracle"
if as root; then
	weak="unshare --mount --fork sh -c 'mount -t proc proc \"\$1/proc\" && chroot \"\$1\" /helpers/errnos /scratch $pairs' sh"
else
	weak="unshare --map-root-user --pid --mount --fork sh -c 'mount -t proc proc \"\$1/proc\" && chroot \"\$1\" /helpers/errnos /scratch $pairs' sh"
fi
if eval "$weak \"\$oracle\"" >"$WORK/expected" 2>"$WORK/oracle.err" && [ "$(wc -l <"$WORK/expected")" -gt $((2000 / pairs)) ]; then
	guest /helpers/errnos /scratch "$pairs"
	succeeds
	if ! cmp -s "$WORK/expected" "$out"; then
		fail "$(diff "$WORK/expected" "$out" | grep -c '^>') lines differ from the kernel (< kernel, > $BACKEND):"
		fail "$(diff "$WORK/expected" "$out" | grep '^[<>]' | head -n 30)"
	fi
else
	skip "no native chroot to compare with: $(head -n 1 "$WORK/oracle.err")"
fi

it 'binds and connects a unix socket whose name fills the whole address'
guest -w /tmp /helpers/longsock
out '108 socket'

# With --fake-permissions, as without openat2, each component is looked at, and deep ones from a directory on the way.
it 'a deep path is walked as the kernel does'
cat >"$root/deep" <<'END'
d=$(printf 'directory/%.0s' $(seq 150))
cd /tmp && rm -rf directory other moved far && mkdir -p "$d" "other/$d" && echo deep >"${d}file" || exit
echo other >"other/${d}file"
ln -s "/tmp/other/$d" "${d}across"
ln -s directory/file "${d}../link"
ln -s "/tmp/$d" far
ln -s ../../directory "${d}up"
cat "${d}../link" far/file far/../directory/./file "${d}up/directory/file" "far/up/directory/up/directory/file" "${d}across/file"
cat "${d}none/x" "${d}file/x" "${d}../none" 2>&1 | sed 's/.*: //'
mv directory moved
cat "${d}file" 2>/dev/null || echo gone
cat "moved/${d#*/}file"
END
chmod 644 "$root/deep"
each=
if on ptrace 'the other backend fakes none' && as plain; then each=--fake-permissions; fi
for how in '' $each; do
	# shellcheck disable=SC2086 # no word or one
	guest $how sh /deep
	out 'deep
deep
deep
deep
deep
other
No such file or directory
Not a directory
No such file or directory
gone
deep'
done

done_testing
