# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# How programs start other programs.
. "$LIB"

it 'runs a pipeline of 200 processes'
guest sh -c 'p=cat; i=1; while [ $i -lt 200 ]; do p="$p | cat"; i=$((i + 1)); done; echo through | eval "$p"'
out through

it 'runs 500 short commands one after the other'
guest sh -c 'i=0; while [ $i -lt '"$(turns 500)"' ]; do /bin/true || exit 1; i=$((i + 1)); done; echo $i'
out "$(turns 500)"

it 'runs 32 threads that open, stat and rename'
guest /helpers/work threads
out 'threads ok'

it 'runs 600 threads that open files at once, each its own'
guest /helpers/work crowd
out 'crowd ok'

it 'runs vfork and exec'
guest /helpers/work vfork
out 'vfork ok'

it 'runs posix_spawn'
guest /helpers/work spawn
out 'spawn ok'

it 'runs clone3, or says ENOSYS'
guest /helpers/work clone3
out 'clone3 ok'

it 'lets a thread other than the first exec'
guest /helpers/work threadexec
out 'threadexec ok'

it 'delivers signals, stops and continues'
guest /helpers/work signals
out 'signals ok'

it 'runs a script with a shebang'
printf '#!/bin/sh\necho "script $0 $1"\n' >"$root/bin/script"
chmod 755 "$root/bin/script"
guest /bin/script argument
out 'script /bin/script argument'

it 'runs a script whose interpreter has an argument'
printf '#!/bin/sh -e\nfalse\necho not reached\n' >"$root/bin/strict"
chmod 755 "$root/bin/strict"
guest strict
status 1
out ''

it 'runs a script whose interpreter is a script'
printf '#!/bin/script extra\n' >"$root/bin/nested"
chmod 755 "$root/bin/nested"
guest nested
out 'script /bin/script extra'

it 'runs programs and scripts with 60,000 arguments'
guest sh -c 'printf "#!/bin/sh\necho \$# \${60000}\n" >/tmp/many && chmod 755 /tmp/many
	/tmp/many $(seq 60000); sh -c "echo \$# \${60000}" - $(seq 60000)'
out '60000 60000
60000 60000'

it 'runs a script through a symlink'
ln -s script "$root/bin/script-link"
guest /bin/script-link a
out 'script /bin/script-link a'

it 'answers 127 or 126 for a script whose interpreter is missing'
printf '#!/no/interpreter\n' >"$root/bin/orphan"
chmod 755 "$root/bin/orphan"
guest orphan
case $code in 126 | 127) ;; *) fail "exit code $code" ;; esac

it 'does not run an interpreter that only the host has'
printf '#!%s/host-only\n' "$WORK" >"$root/bin/hostly"
chmod 755 "$root/bin/hostly"
cp "$root/bin/busybox" "$WORK/host-only"
guest hostly
fails

it 'finds a command through a symlinked directory'
guest /usr/bin/echo found
out found

it 'executes a program by relative path and by /proc/self/fd'
guest -w /bin sh -c './echo relative; exec 9</helpers/fds; exec /proc/self/fd/9'
out 'relative
0 1 2 9 '

it 'kills a process group'
guest sh -c 'setsid sleep 100 & p=$!; sleep 0.3; kill -TERM -$p; wait $p; echo $?'
out 143

it 'runs a program linked for pages of 4 KiB where the kernel has them'
guest /helpers/small-pages
if [ "$(getconf PAGESIZE)" = 4096 ]; then
	out ran
elif on ns 'the kernel kills it, having begun'; then
	status 139
else
	status 126
	err_has 'small-pages is linked for smaller pages than this kernel'
	guest sh -c '/helpers/small-pages; echo $?'
	out 126
	err_has 'Invalid argument'
fi

it 'reaps orphans'
guest --init sh -c 'i=0; while [ $i -lt 20 ]; do (sleep 0.1 &) ; i=$((i + 1)); done; sleep 0.6; ps 2>/dev/null | grep -c "[Z] "; true'
out_has '^0$'

it 'lets two processes share a pipe file'
guest sh -c 'mkfifo /tmp/p && (echo via-fifo >/tmp/p &) && cat /tmp/p; rm /tmp/p'
out via-fifo

it 'locks files between processes'
guest /helpers/work locks
out 'locks ok'

# A parent that is killed inside fork never tells the tracer of its child.
it 'leaves no process stuck when one that forks is killed'
guest sh -c 'i=0
	while [ $i -lt '"$(turns 40)"' ]; do
		sh -c "while :; do (:) & done" &
		usleep 30000
		kill -9 $!
		i=$((i + 1))
	done
	sleep 1
	for status in /proc/[0-9]*/stat; do
		read -r line <$status || continue
		case $line in *") t "*) echo "stuck: $line" ;; esac
	done 2>/dev/null
	echo done'
out 'done'

it 'gets through a storm of threads, execs, stops and kills'
guest /helpers/storm 30 16 4
out 'storm ok'

done_testing
