# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Attacks on the fast path, and what could mislead it. What a guest finds is compared with the slow path.
. "$LIB"

if [ "$BACKEND" = ns ]; then
	it 'needs no fast path with namespaces'
	guest --fast-path auto true
	status 0
else

mkdir -p "$root/tmp"
cp "$HELPERS/misled" "$root/bin/misled"
mkdir -p "$root/jail/bin"
cp "$HELPERS/misled" "$root/jail/bin/misled"

# same_as_slow COMMAND…: says the same with the fast path and without, and something.
same_as_slow() {
	guest --fast-path off "$@"
	status 0
	cp "$out" "$WORK/slow"
	[ -s "$WORK/slow" ] || fail 'nothing was said'
	guest --fast-path auto "$@"
	status 0
	cmp -s "$WORK/slow" "$out" || fail "$(diff "$WORK/slow" "$out" | head -n 8)"
}

it 'finds nothing of the container in a chroot, whatever is executed there'
same_as_slow /bin/misled chroot
out_has 'ENOENT ENOENT ENOENT'

it 'finds /proc behind an fd of it, and not the directory that stands for it'
same_as_slow /bin/misled proc
out_has 'consoles'

it 'finds what the slow path and the kernel find, whatever is renamed or replaced between calls'
for seed in $(seq "$(turns 3)"); do
	same_as_slow --hard-links emulated /helpers/shuffle calls "$seed" "$(turns 6000)"
	same_as_slow /helpers/shuffle calls "$seed" "$(turns 6000)"
	if as root; then
		chroot "$root" /helpers/shuffle calls "$seed" "$(turns 6000)" >"$WORK/native"
		cmp -s "$WORK/native" "$out" || fail "$(diff "$WORK/native" "$out" | head -n 8)"
	fi
done

# changes FLAGS SEED COUNT [ids]: the same calls in a fresh place, with the fast path and without, and natively as root.
changes() {
	flags=$1
	shift
	for how in off auto native; do
		[ "$how" != native ] || as root || continue
		chmod -R u+rwx "$root/tmp/changes" 2>/dev/null
		rm -rf "$root/tmp/changes" "$WORK/shut"
		for name in a b c 5 l stat; do rm -rf "${root:?}/$name" "$root/tmp/$name"; done
		mkdir -p "$root/tmp/changes/1/2/3/4/ro" "$WORK/shut/a"
		echo shut >"$WORK/shut/b"
		if [ "$how" = native ]; then
			[ -z "$flags" ] || continue
			run chroot "$root" /helpers/changes "$@"
		else
			# shellcheck disable=SC2086
			guest --fast-path $how $flags /helpers/changes "$@"
		fi
		status 0
		[ "$(wc -l <"$out")" -gt "$2" ] || fail 'few lines'
		[ "$how" != off ] || cp "$out" "$WORK/slow"
		cmp -s "$WORK/slow" "$out" || fail "$how: $(diff "$WORK/slow" "$out" | head -n 8)"
	done
}

it 'makes, changes and removes what the slow path and the kernel do'
for seed in $(seq "$(turns 3)"); do
	changes '' "$seed" "$(turns 3000)"
	changes "-v $WORK/shut:/tmp/changes/1/2/3/4/ro:ro" "$seed" "$(turns 3000)"
	changes '--hard-links emulated' "$seed" "$(turns 3000)"
	# With real ids the slow path asks for a search of the host's directories where a relative name needs none.
	as root || changes '' "$seed" "$(turns 3000)" ids
done

it 'keeps a FIFO that it waits for open, whatever becomes of its directory'
guest --fast-path auto /helpers/shuffle fifo
out 'fifo 0
fifo 0'

# With the kernel's own answers the slow path can be, too: docs/security.md.
if as plain; then
	it 'is led astray by no symlink that takes the place of a directory while it looks'
	# There even the slow path may find neither: it asks twice where openat2 asks once.
	if ! below_app 'openat2 is trapped'; then
		guest --fast-path auto /helpers/shuffle flip 2
		out 'flip ok'
		guest --fast-path auto /helpers/shuffle flip 2 cwd
		out 'flip ok'
	fi
fi

if [ -x "$HELPERS/midst" ]; then
# midst WHAT…: says that nothing was odd.
midst() {
	guest --fast-path auto /helpers/midst "$@"
	out 'midst ok'
}

it 'makes the call that is meant where a site is entered in its midst'
midst jump

it 'patches nothing that a program has generated where a library was'
midst other
# Before Linux 6.11 there is no ioctl to ask for one mapping by.
run "$HELPERS/deny" ioctl "$AMPHORA" run --backend ptrace --rootfs "$root" --fast-path auto /helpers/midst other
out 'midst ok'

it 'goes on without its memory'
midst gone

it 'can be stepped through'
midst step

it 'leaves a program as it was where a guest traces it, or it has filters'
midst traced
midst filter

it 'has whole sites in processes that are forked while they are patched'
midst forks "$(turns 10)"

it 'knows that the working directory is another after a 32-bit call'
midst compat

it 'lets go of what it holds when a signal comes'
midst slots "$(turns 10000)"
fi

# bare COMMAND…: as guest, but where there is no Landlock.
bare() { run "$HELPERS/deny" landlock_create_ruleset "$AMPHORA" run --backend ptrace --rootfs "$root" --fast-path auto "$@"; }

# There is no boundary, whatever the path: Android's filter, and kernels that the plan says it of.
without_landlock() {
	below_app 'there is no Landlock' && return 0
	"$AMPHORA" plan --backend ptrace --rootfs "$root" | grep -Eq '^boundary +no boundary +none$' &&
		on ptrace 'no Landlock before Linux 5.13, and the plan says so'
}

it 'gives whoever jumps into the stub nothing that Landlock refuses: reading is what works without'
canary
chmod 755 "$WORK"
attack_works "$HELPERS/deny" landlock_create_ruleset "$AMPHORA" run --backend ptrace --rootfs "$root" \
	--fast-path auto /helpers/gadget read "$WORK/canary"
if ! without_landlock; then
	guest --fast-path auto /helpers/gadget read "$WORK/canary"
	out 'read: EACCES'
	canary_untouched
fi
guest --fast-path off /helpers/gadget read "$WORK/canary"
out 'no stub'

# writes_nothing WHERE FLAGS FILE: no attempt on this file of the host's, by a jump into the stub, changes it.
writes_nothing() {
	echo "secret-canary-$$" >"$3"
	chmod 666 "$3"
	for what in write calls; do
		# shellcheck disable=SC2086
		"$1" --fast-path auto $2 /helpers/gadget $what "$3"
		status 0
		out_has ': E[A-Z]+'
		out_lacks 'worked|no stub'
		same "secret-canary-$$" "$(cat "$3" 2>&1)" "what is in $3"
		same 666 "$(stat -c %a "$3")" 'its mode'
	done
}

it 'opens nothing for writing there that Landlock refuses, and nothing at all without where something is read-only'
mkdir -p "$WORK/kept" "$root/kept"
chmod 777 "$WORK/kept" "$root/kept"
if as plain; then
	# That writing is what works where nothing holds it.
	bare /helpers/gadget write "$WORK/canary"
	out_has 'O_WRONLY: worked'
	out_has 'O_RDWR . O_TRUNC: worked'
fi
writes_nothing bare "-v $WORK/kept:/kept:ro" "$WORK/canary"
writes_nothing guest "-v $WORK/kept:/kept:ro" "$WORK/canary"
without_landlock || writes_nothing guest '' "$WORK/canary"

if as plain; then
	it 'has the calls that make and remove names held by Landlock, there, and nothing by itself'
	mkdir -p "$WORK/open"
	echo "secret-canary-$$" >"$WORK/open/canary"
	bare /helpers/gadget calls "$WORK/open/canary"
	out_has '^unlink(at)?: worked'
	out_has 'mkdirat: worked'
	[ ! -e "$WORK/open/canary" ] || fail 'it is still there'
fi

it 'changes no mode and no time by an fd where something is read-only, and gives no set-id bits anywhere'
echo text >"$WORK/kept/file"
echo text >"$root/kept/file"
chmod 644 "$WORK/kept/file" "$root/kept/file"
for where in bare guest; do
	"$where" --fast-path auto -v "$WORK/kept:/kept:ro" /helpers/gadget fd /kept/file
	out_lacks 'worked|no stub|no file'
	same 644 "$(stat -c %a "$WORK/kept/file")" 'its mode'
	[ "$(stat -c %Y "$WORK/kept/file")" -gt 1 ] || fail 'its time has changed'
	"$where" --fast-path auto /helpers/gadget fd /kept/file
	out_lacks 'no stub|no file'
	if as plain; then
		out_has 'fchmod: worked'
		same 755 "$(stat -c %a "$root/kept/file")" 'the real mode'
	fi
done

it 'opens nothing read-only for writing there, wherever it lies'
writes_nothing guest "-v $WORK/kept:/kept:ro" "$WORK/kept/canary"
writes_nothing bare "-v $WORK/kept:/kept:ro" "$WORK/kept/canary"
writes_nothing guest "-v $root/kept:/elsewhere:ro" "$root/kept/canary"
writes_nothing guest "-v $WORK/kept:/kept:ro -v $WORK:/all" "$WORK/kept/canary"

# The same as guest, where $root/kept lies at $WORK/bound as well: nothing that leads there by names tells.
bound() {
	if as root; then
		run unshare --mount sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$root/kept" "$WORK/bound" \
			"$AMPHORA" run --backend ptrace --rootfs "$root" "$@"
	else
		run unshare --map-root-user --mount sh -c \
			'mount --bind "$1" "$2" && shift 2 && exec unshare --user "$@"' sh "$root/kept" "$WORK/bound" \
			"--map-user=$(id -u)" "--map-group=$(id -g)" "$AMPHORA" run --backend ptrace --rootfs "$root" "$@"
	fi
}

it 'nor what is read-only by another path of the host than the one that it may be written to by'
mkdir -p "$WORK/bound"
if ! as root && ! unshare --map-root-user --mount true 2>/dev/null; then
	skip 'lab: there are no user namespaces'
elif ! below_app 'there is no Landlock'; then
	bound --fast-path auto -v "$WORK/bound:/kept:ro" sh -c 'echo no >/kept/canary'
	out_lacks .
	[ "$(cat "$root/kept/canary")" = "secret-canary-$$" ] || fail 'the slow path writes'
	writes_nothing bound "-v $WORK/bound:/kept:ro" "$root/kept/canary"
fi

fi

done_testing
