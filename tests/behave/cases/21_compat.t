# shellcheck shell=sh disable=SC1090,SC2154,SC2016
# 32-bit programs on a 64-bit kernel do what they do outside.
. "$LIB"

if [ ! -x "$HELPERS/calls32" ]; then
	it 'runs 32-bit programs'
	skip 'lab: this compiler makes no 32-bit programs'
	done_testing
	exit
fi

mkdir "$WORK/native" "$root/w"
for place in "$WORK/native" "$root/w"; do
	cp "$HELPERS/calls32" "$place/"
	printf '#!./calls32 words\n' >"$place/script32"
	chmod 755 "$place/script32"
done
(cd "$WORK/native" && ./calls32) >"$WORK/right" 2>&1

it 'answers every call of a 32-bit program as the kernel does'
[ "$(wc -l <"$WORK/right")" -gt 60 ] || skip 'lab: this kernel runs no 32-bit programs'
guest -w /w ./calls32
status 0
diff "$WORK/right" "$out" >"$WORK/diff" || fail "$(cat "$WORK/diff")"

it 'starts a 64-bit program from a 32-bit one, and back'
guest -w /w ./calls32 execute /bin/busybox busybox sh -c './calls32 words one; ./calls32 execute /w/calls32 words two; ./script32 three'
out './calls32,words,one
/w/calls32,words,two
./calls32,words,./script32,three'

it 'gives a 32-bit program the arguments and environment it was started with'
guest -e 'ONE=a b' -w /w ./calls32 execute /bin/busybox busybox sh -c 'echo "$ONE:$#:$1"' sh 'x y'
out 'a b:1:x y'

it 'executes a 32-bit program by an fd that closes itself'
guest -w /w ./calls32 again
out 'calls32,words,fd'

it 'executes a 32-bit program when no more files can be open'
guest -w /w sh -c 'ulimit -n 3; ./calls32 words a'
succeeds
out_has a

it 'shows a 32-bit program by its own name'
guest -w /w ./calls32 execute /bin/busybox busybox sh -c 'exec 3</w/calls32; readlink /proc/self/exe; ./calls32 execute /bin/busybox readlink /proc/self/exe'
out '/bin/busybox
/bin/busybox'

it 'keeps owners that a 32-bit program gives'
guest -w /w ./calls32 own
if as root || on ptrace 'ids are faked'; then
	out 'chown 0
fchown32 0
uid 33
gid 44
lchown32 0
uid 100000
short uid 65534'
fi

it 'lets a 32-bit program open nothing of the host'
canary
guest -w /w ./calls32 peek "$WORK/canary"
out 'open -2'
guest -w /w ./calls32 peek "/proc/1/root$WORK/canary"
out_lacks 'open 0'
canary_untouched

it 'refuses a 32-bit program on a mount that is not executable'
guest -v "$root/w:/x:noexec" /x/calls32 words
status 126

it 'says that a damaged 32-bit program is none'
head -c 60 "$HELPERS/calls32" >"$root/w/short"
chmod 755 "$root/w/short"
guest sh -c '/w/short 2>/dev/null; echo $?'
out_lacks '^0$'

done_testing
