# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Where programs lie in memory, and how large a command line may be.
. "$LIB"

it 'runs a program at the lowest address'
guest /helpers/low brk
out 'brk ok'

it 'leaves the low two gigabytes to a program that wants them'
guest /helpers/low reserve
out 'reserve ok'

it 'places stack, heap and mappings at random'
guest /helpers/low random
succeeds
first=$(cat "$out")
guest /helpers/low random
for field in 1 2 3; do
	[ "$(echo "$first" | cut -d' ' -f$field)" != "$(cut -d' ' -f$field "$out")" ] || fail "address $field is the same twice"
done

it 'runs under the same limits for one argument, all arguments and the environment'
guest sh -c 'long=$(head -c 131071 /dev/zero | tr "\0" x); /bin/true $long && echo one
	/bin/true ${long}x 2>/dev/null || echo too long
	set -- $(seq 1 100000); /bin/true "$@" && echo many
	export E=${long%xxx}; /bin/true && echo environment
	set -- $long $long $long $long $long $long $long $long $long $long $long $long $long $long $long $long $long $long; /bin/true "$@" 2>/dev/null || echo too much'
out 'one
too long
many
environment
too much'

it 'keeps the paths of a crowd of threads apart'
guest sh -c 'mkdir /tmp/crowd && /helpers/crowd /tmp/crowd 2200 5'
out_has '^(wrong 0|only [0-9]+ threads)$'

# The kernel looks at 256 bytes.
it 'treats a first line of 64 KiB as the kernel does'
guest sh -c 'long=$(head -c 65536 /dev/zero | tr "\0" y)
	printf "#!/bin/echo %s\n" "$long" >/tmp/argument; printf "#!/bin/%s\n" "$long" >/tmp/interpreter
	printf "#!/bin/sh\n#%s\necho comment\n" "$long" >/tmp/comment; chmod 755 /tmp/argument /tmp/interpreter /tmp/comment
	/tmp/comment; /tmp/argument | wc -c; /tmp/interpreter; echo $?'
out 'comment
258
0'

it 'runs in a directory that is gone'
guest sh -c 'mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone && /bin/true && echo ran; ls . | wc -l; ls ../ >/dev/null 2>&1 || echo no parent; cd / && echo back'
out 'ran
0
back'

it 'substitutes processes and reopens its own descriptors'
guest sh -c '(echo via-fd >/tmp/f; exec 5</tmp/f; cat /proc/self/fd/5; cat /dev/fd/5; cat </dev/fd/5; echo err >/dev/stderr; echo out >/dev/stdout
	echo in | cat /dev/stdin; (echo pipe | cat /proc/self/fd/0)) | cat'
out 'via-fd
via-fd
via-fd
out
in
pipe'
same err "$(cat "$err")" stderr

done_testing
