# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# /proc shows the container's view.
. "$LIB"

it 'shows /proc/self/exe as a path of the container'
guest readlink /proc/self/exe
out /bin/busybox

it 'shows /proc/self/cwd and root'
guest -w /tmp sh -c 'readlink /proc/self/cwd; readlink /proc/self/root'
out '/tmp
/'

it 'shows open files by their path inside'
guest sh -c 'exec 7</etc/passwd; readlink /proc/self/fd/7; readlink /dev/fd/7'
out '/etc/passwd
/etc/passwd'

it 'shows mapped files by their path inside'
guest cat /proc/self/maps
out_has '/bin/busybox'
out_lacks "$root"

it 'opens what /proc/self/exe names'
guest sh -c 'head -c 4 /proc/self/exe | tail -c 3'
out ELF

it 'opens /proc/self/fd of a deleted file'
guest sh -c 'echo still >/tmp/d; exec 7</tmp/d; rm /tmp/d; cat /proc/self/fd/7'
out still

it 'walks through /proc/self/cwd and /proc/self/root'
guest -w /etc sh -c 'head -n 1 /proc/self/cwd/passwd; head -n 1 /proc/self/root/etc/passwd; head -n 1 /proc/self/cwd/../etc/passwd'
out 'root:x:0:0:root:/root:/bin/sh
root:x:0:0:root:/root:/bin/sh
root:x:0:0:root:/root:/bin/sh'

it 'shows the command line'
guest sh -c 'tr "\000" " " </proc/self/cmdline'
out_has '^tr '

it 'lists its own processes in ps'
guest sh -c 'sleep 5 & ps'
out_has 'sleep 5'

it 'does not show processes of the host'
guest sh -c 'ls /proc | grep -c "^[0-9]"'
[ "$(cat "$out")" -lt 12 ] || fail "$(cat "$out") processes"

it 'walks /proc without losing its way'
guest sh -c 'cd /proc && cd self && cd .. && pwd; find /proc -maxdepth 1 -name self; ls -d /proc/[0-9]* | wc -l'
out_has '^/proc$'
out_has '^/proc/self$'

it 'has a mountinfo whose root is /'
guest sh -c 'grep -c " / / " /proc/self/mountinfo || grep -c " / " /proc/self/mountinfo; grep -q " /proc " /proc/self/mountinfo && echo proc'
out_has '^proc$'
out_lacks "$WORK"

it 'shows /proc/self/mounts likewise'
guest cat /proc/mounts
out_has ' /proc proc '
out_lacks "$root"

it 'reports the uid inside in /proc/self/status'
guest grep '^Uid:' /proc/self/status
out_has '^Uid:[[:space:]]+0[[:space:]]+0[[:space:]]+0'

done_testing
