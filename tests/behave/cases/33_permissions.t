# shellcheck shell=sh disable=SC1090,SC2154,SC2016
# --fake-permissions: what faked users may do with files is what their owners and modes say.
. "$LIB"

# An id that faked users have nothing to do with: the random calls need a root's tree, and real root to compare.
it 'random users get from random calls what the kernel answers real ones'
if ! as root; then
	skip 'lab: only root has real users to compare with'
elif on ns 'the kernel checks'; then
	:
else
	cp -a "$root" "$WORK/own"
	mkdir -p "$WORK/own/t" "$WORK/home-plain"
	chown -hR amphora-test: "$WORK/own" "$WORK/home-plain"
	for seed in 1 2 3 4 5 6; do
		mkdir "$WORK/native$seed"
		"$HELPERS/perms" "$WORK/native$seed" $seed 300 >"$WORK/expected"
		run setpriv --reuid amphora-test --regid amphora-test --clear-groups env HOME="$WORK/home-plain" \
			"$AMPHORA" run --backend ptrace --fake-permissions --rootfs "$WORK/own" \
			sh -c "mkdir /t/$seed && /helpers/perms /t/$seed $seed 300"
		succeeds
		cmp -s "$WORK/expected" "$out" || fail "seed $seed: $(diff "$WORK/expected" "$out" | head -n 6)"
	done
	grep -q ': EACCES$' "$out" || fail 'nothing was refused'
	[ "$(grep -c ': 0$' "$out")" -gt 50 ] || fail 'hardly anything was allowed'
fi

it 'a user reads, writes and executes what it may, and no more'
mkdir -p "$root/perm"
guest --fake-permissions sh -c 'cd /perm && umask 077 && echo secret >own && echo group >group && chown 0:100 group && chmod 640 group &&
	echo echo ran >script && chmod 700 script && mkdir closed && echo x >closed/in && mkdir -m 1777 shared && echo mine >shared/roots && chmod 755 /perm'
succeeds
cat >"$root/perm.sh" <<'END'
cd /perm
cat own; cat group; ./script; cat closed/in; ls closed
echo more >>own; echo new >new; mkdir dir; rm -f shared/roots; mv shared/roots shared/other
cd closed || echo stays
echo mine >shared/mine && rm shared/mine && echo shared
[ -r own ] || echo no-r; [ -w group ] || echo no-w; [ -x script ] || echo no-x
chmod 777 own; chown 1000 own
END
if ! on ns 'one id is mapped, and a plain user has no second one' || as root; then
	guest --fake-permissions -u 1000:100 sh -c 'sh /perm.sh 2>&1 | sed "s/^.*: //"'
	out 'Permission denied
group
Permission denied
Permission denied
Permission denied
Permission denied
Permission denied
Permission denied
Operation not permitted
Operation not permitted
Permission denied
stays
shared
no-r
no-w
no-x
Operation not permitted
Operation not permitted'
fi

it 'root does all of it, whatever the modes'
if on ns 'a plain user'\''s root is the kernel'\''s'; then
	:
else
	guest --fake-permissions sh -c 'cd /perm && mkdir a && chmod 0 a own && cat own && touch a/b && ls a && cat closed/in && [ -r own ] && stat -c %a a own'
	out 'secret
b
x
0
0'
fi

it 'without the flag a faked user may do what the host user may'
if [ "$BACKEND" = ptrace ] && as plain; then
	guest -u 1000:100 sh -c 'cat /perm/closed/in && echo more >/perm/closed/in'
	out x
	succeeds
fi

done_testing
