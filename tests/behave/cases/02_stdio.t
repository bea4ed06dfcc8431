# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Standard streams, terminals, file descriptors.
. "$LIB"

it 'gives the command an empty stdin without -i'
feed 'hello'
guest cat
succeeds
out ''

it 'hands stdin over with -i'
feed 'hello'
guest -i cat
out hello

it 'keeps stdout and stderr apart'
guest sh -c 'echo to-out; echo to-err >&2'
out to-out
err_has '^to-err$'

it 'moves a megabyte through a pipe unchanged'
head -c 1048576 /dev/urandom >"$WORK/bytes"
input=$WORK/bytes
guest -i cat
cmp -s "$WORK/bytes" "$out" || fail 'the bytes differ'

it 'lets a closed stdout end the command'
{
	timeout 20 "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" yes
	echo "$?" >"$WORK/code"
} 2>/dev/null | head -n 1 >"$out"
out y
code=$(cat "$WORK/code")
case $code in 141 | 1) ;; *) fail "exit code $code" ;; esac

it 'has no terminal without -t'
guest sh -c 'test -t 0 || test -t 1 || echo none'
out none

it 'gives a terminal with -t'
run script -qec "'$AMPHORA' run --backend $BACKEND --rootfs '$root' -it sh -c 'test -t 0 && test -t 1 && test -t 2 && echo terminal'" /dev/null
succeeds
out_has terminal

it 'names the terminal by a path that exists inside'
run script -qec "'$AMPHORA' run --backend $BACKEND --rootfs '$root' -it sh -c 'test -c \$(tty) && tty'" /dev/null
succeeds
out_has '/dev/'

it 'passes the exit code through a terminal'
run script -qec "'$AMPHORA' run --backend $BACKEND --rootfs '$root' -it sh -c 'exit 5'" /dev/null
status 5

it 'sets TERM with -t and not without'
guest sh -c 'echo "[$TERM]"'
out '[]'

it 'makes the terminal the controlling terminal: /dev/tty opens'
run script -qec "'$AMPHORA' run --backend $BACKEND --rootfs '$root' -it sh -c 'echo controlled >/dev/tty'" /dev/null
succeeds
out_has controlled

it 'turns ^C on the terminal into SIGINT for the command'
cat >"$WORK/interrupt.py" <<'PY'
import os, pty, sys, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
sent = False
end = time.time() + 20
while time.time() < end:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    if not sent and b"ready" in seen:
        os.write(fd, b"\x03")
        sent = True
_, status = os.waitpid(pid, 0)
print(seen.decode(errors="replace"))
sys.exit(os.WEXITSTATUS(status))
PY
run python3 "$WORK/interrupt.py" "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" -it \
	sh -c 'trap "echo interrupted; exit 6" INT; echo ready; while :; do sleep 0.1; done'
status 6
out_has interrupted

it 'tells the command the size of the terminal'
run script -qec "stty rows 33 cols 77; '$AMPHORA' run --backend $BACKEND --rootfs '$root' -it stty size" /dev/null
out_has '33 77'

it 'has job control under -t'
run script -qec "'$AMPHORA' run --backend $BACKEND --rootfs '$root' -it sh -c 'set -m; sleep 0.2 & jobs; wait; echo waited'" /dev/null
succeeds
out_has waited
out_lacks "can't access tty"

it 'lets only fds 0 to 2 reach the command'
guest /helpers/fds
out_has '^0 1 2 ?$'

it 'hands on --preserve-fds'
echo preserved >"$WORK/preserved"
run sh -c 'exec 3<"$1"; shift; exec "$@"' sh "$WORK/preserved" \
	"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" --preserve-fds 1 sh -c 'cat <&3; /helpers/fds'
out_has preserved
out_has '^0 1 2 3 ?$'

it 'reopens /dev/stdout and /dev/stderr'
guest sh -c '(echo a >/dev/stdout) | cat; echo b >/dev/stderr; echo c | cat /dev/stdin'
out 'a
c'
err_has '^b$'

it 'gives the devices every program expects'
guest sh -c 'for d in null zero full random urandom tty; do test -c /dev/$d || echo no $d; done
	echo x >/dev/null && head -c 3 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c; echo x >/dev/full; echo $?'
out_has '^3$'
out_has '^5$'
out_has '^1$'
out_lacks '^no '

it 'has /dev/fd, /dev/shm and /dev/ptmx'
guest sh -c 'test -d /dev/fd && test -e /dev/ptmx && echo x >/dev/shm/f && cat /dev/shm/f'
out x

done_testing
