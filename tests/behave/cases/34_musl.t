# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# A root filesystem like Alpine's: musl, its dynamic linker, busybox.
. "$LIB"

linker=ld-musl-$(uname -m).so.1
if [ ! -e "$HELPERS/musl-work" ] || [ ! -e "/lib/$linker" ]; then
	it 'runs musl programs'
	skip 'musl is missing: make deps; make lab'
	done_testing
	exit
fi
mkdir -p "$root/lib"
cp -L "/lib/$linker" "$root/lib/" 2>/dev/null

it 'starts threads and processes'
guest sh -c 'for what in threads crowd vfork spawn threadexec signals; do /helpers/musl-work $what; done'
out 'threads ok
crowd ok
vfork ok
spawn ok
threadexec ok
signals ok'

it 'runs a program by its dynamic linker, and lists its libraries'
guest sh -c "ln -sf /lib/$linker /bin/ldd && /lib/$linker /helpers/musl-work vfork && ldd /helpers/musl-work | grep -c $linker"
out 'vfork ok
2'

it 'gets through a storm of threads, execs, stops and kills'
guest /helpers/musl-storm 20 8 3
out 'storm ok'

it 'answers random calls on names as outside'
mkdir -p "$WORK/native"
"$HELPERS/musl-links" "$WORK/native" 4 400 >"$WORK/expected"
guest sh -c 'mkdir /tmp/r && /helpers/musl-links /tmp/r 4 400'
succeeds
cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 5)"

it 'traces'
"$HELPERS/musl-tracer" exec >"$WORK/expected" 2>&1
guest /helpers/musl-tracer exec
succeeds
cmp -s "$WORK/expected" "$out" || fail "$(diff "$WORK/expected" "$out" | head -n 5)"

done_testing
