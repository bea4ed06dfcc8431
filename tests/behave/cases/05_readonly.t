# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Read-only is enforced for every call that changes something.
. "$LIB"

# fresh: a tree as mutate wants it.
fresh() {
	rm -rf "$WORK/tree"
	mkdir -p "$WORK/tree/dir" "$WORK/tree/sub"
	echo content >"$WORK/tree/file"
	echo inner >"$WORK/tree/sub/inner"
	ln -s file "$WORK/tree/link"
	find "$WORK/tree" -printf '%p %y %m %U:%G %s %T@\n' | sort >"$WORK/before"
}
unchanged() {
	find "$WORK/tree" -printf '%p %y %m %U:%G %s %T@\n' | sort >"$WORK/after"
	cmp -s "$WORK/before" "$WORK/after" || fail "the tree changed: $(diff "$WORK/before" "$WORK/after" | head -n 5)"
}

it 'proves that its calls change a writable bind'
fresh
guest -v "$WORK/tree:/mnt" /helpers/mutate /mnt
status 1
[ "$(grep -c SUCCEEDED "$out")" -ge 30 ] || fail "only $(grep -c SUCCEEDED "$out") calls succeeded"

it 'refuses every mutating call on a read-only bind with EROFS'
fresh
guest -v "$WORK/tree:/mnt:ro" /helpers/mutate /mnt
succeeds
out_lacks SUCCEEDED
# A call may find another error first; no more than the kernel's own.
same '' "$(grep -vE ' (EROFS|EPERM|EBADF|ENOSYS|EEXIST|EXDEV|EACCES|ENODATA)$' "$out")" 'other errors'
[ "$(grep -c EROFS "$out")" -ge 35 ] || fail "only $(grep -c EROFS "$out") EROFS: $(cat "$out")"
unchanged

it 'refuses renames and links between a read-only and a writable bind'
fresh
mkdir "$WORK/other"
echo other >"$WORK/other/file"
guest -v "$WORK/tree:/mnt:ro" -v "$WORK/other:/other" /helpers/mutate /mnt /other
succeeds
out_lacks SUCCEEDED
unchanged
same file "$(ls "$WORK/other")" 'the other directory'

it 'refuses them through a relative path and a dirfd'
fresh
guest -v "$WORK/tree:/mnt:ro" -w /mnt sh -c 'echo x >file; cd sub; echo x >../file; echo x >/proc/self/cwd/inner' 2>/dev/null
fails
unchanged

it 'refuses them through a symlink from a writable place'
fresh
guest -v "$WORK/tree:/mnt:ro" sh -c 'ln -s /mnt/file /tmp/way; echo x >/tmp/way; chmod 600 /tmp/way; rm -f /tmp/way'
unchanged

it 'covers what is below the mount, not only its top'
fresh
guest -v "$WORK/tree:/mnt:ro" sh -c 'echo x >/mnt/sub/new; rm /mnt/sub/inner; echo x >/mnt/sub/inner'
fails
unchanged

it 'keeps a writable bind inside a read-only one writable'
fresh
guest -v "$WORK/tree:/mnt:ro" -v "$WORK/other:/mnt/dir" sh -c 'echo w >/mnt/dir/w && ! touch /mnt/x 2>/dev/null && echo fine'
out fine
same w "$(cat "$WORK/other/w")" 'written'

it 'keeps a read-only bind inside a writable one read-only'
fresh
guest -v "$WORK/other:/mnt" -v "$WORK/tree:/mnt/ro:ro" sh -c 'echo w >/mnt/w2 && ! touch /mnt/ro/x 2>/dev/null && echo fine'
out fine
unchanged

it 'refuses to remove or rename a mount point'
fresh
guest -v "$WORK/tree:/mnt:ro" sh -c 'rmdir /mnt 2>&1; mv /mnt /moved 2>&1; test -e /mnt/file && echo stays'
out_has '^stays$'
unchanged

it 'refuses writes to the root with --read-only'
guest --read-only sh -c 'for d in / /etc /usr /var; do touch $d/x 2>/dev/null && echo wrote $d; done; echo done'
out 'done'
[ ! -e "$root/x" ] || fail 'written to the root'

it 'refuses every mutating call on a read-only root'
cp -a "$WORK/tree" "$root/tree"
guest --read-only /helpers/mutate /tree
succeeds
out_lacks SUCCEEDED

it 'leaves /tmp, /dev/shm and /run to a read-only root as podman does'
guest --read-only sh -c 'for d in /tmp /dev/shm /run /var/tmp; do echo x >$d/x 2>/dev/null || echo no $d; done; echo done'
out_has '^done$'
out_lacks '^no /(tmp|dev/shm|run)'

it 'keeps binds and tmpfs writable under --read-only'
guest --read-only -v "$WORK/other:/mnt" --tmpfs /scratch sh -c 'echo ro-root >/mnt/r && echo t >/scratch/t && cat /scratch/t'
out t
same ro-root "$(cat "$WORK/other/r")" 'written'

it 'refuses execution of a rename into a read-only bind from a thread of pipes'
fresh
guest -v "$WORK/tree:/mnt:ro" sh -c 'seq 1 50 | xargs -n 1 -P 8 sh -c "echo x >/mnt/f\$0" 2>/dev/null; ls /mnt'
out_lacks '^f[0-9]'
unchanged

done_testing
