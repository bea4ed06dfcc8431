# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Exit codes and signals.
. "$LIB"

it 'passes success through'
guest true
succeeds
err_empty

it 'passes the exit code of the command through'
guest sh -c 'exit 7'
status 7

it 'passes 255 through'
guest sh -c 'exit 255'
status 255

it 'answers 127 for a command that is not in PATH'
guest no-such-command
status 127
err_has '^amphora: .*no-such-command'

it 'answers 127 for a path that does not exist'
guest /no/such/command
status 127
err_has '/no/such/command'

it 'answers 126 for a file that may not be executed'
guest /etc/passwd
status 126
err_has '/etc/passwd'

it 'answers 126 for a directory'
guest /etc
status 126

it 'answers 126 for a file in no executable format'
printf 'no format\000\001' >"$root/bin/garbage"
chmod 755 "$root/bin/garbage"
guest /bin/garbage
status 126

it 'answers 128+n for a command that died by signal n'
guest sh -c 'kill -TERM $$; sleep 5'
if on ns 'PID 1 of a PID namespace gets only signals it handles; our init is not asked for'; then
	[ "$code" = 143 ] || [ "$code" = 0 ] || fail "exit code $code"
else
	status 143
fi

it 'answers 137 for a command that was killed'
guest --init sh -c 'sh -c "kill -9 \$\$"; exit $?'
status 137

it 'answers 139 for a segmentation fault'
guest --init sh -c 'kill -SEGV $$; sleep 5'
status 139

# await_ready: the command in the background has said so.
await_ready() {
	tries=0
	until grep -q ready "$out" || [ "$tries" -gt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

for signal in TERM:15 INT:2 USR1:10; do
	it "forwards SIG${signal%:*} to the command"
	: >"$out"
	# timeout undoes what a shell does to SIGINT of a command in the background.
	timeout 20 "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" /helpers/work signal >"$out" 2>"$err" &
	pid=$!
	await_ready
	pkill "-${signal%:*}" -P "$pid" amphora
	code=0
	wait "$pid" || code=$?
	status "${signal#*:}"
done

it 'lets a shell run its trap for a forwarded signal'
: >"$out"
timeout 20 "$AMPHORA" run --backend "$BACKEND" --rootfs "$root" \
	sh -c 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$out" 2>"$err" &
pid=$!
await_ready
pkill -TERM -P "$pid" amphora
code=0
wait "$pid" || code=$?
status 9
out 'ready
caught'

it 'ends with the first process, whatever its children do'
guest sh -c 'sleep 300 & exit 4'
status 4

it 'leaves no process behind when it is killed'
"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" sh -c 'sleep 12345 & sleep 12345' >"$out" 2>"$err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ "$(pgrep -f '^sleep 12345' | wc -l)" -ge 2 ] && break
	sleep 0.2
done
[ "$(pgrep -f '^sleep 12345' | wc -l)" -ge 2 ] || fail 'the processes did not start'
kill -9 "$pid"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do pgrep -f '^sleep 12345' >/dev/null || break; sleep 0.2; done
same '' "$(pgrep -f '^sleep 12345')" 'processes left'

done_testing
