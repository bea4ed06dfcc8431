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

fi

done_testing
