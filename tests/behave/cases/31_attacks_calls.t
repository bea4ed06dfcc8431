# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Attacks by calls: what a guest can do to the host, to the tracer and to its view by odd arguments, odd
# moments and odd doors.
. "$LIB"

it 'the mode and the owner of the machine'\''s devices stay as they are'
devices='/dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty'
before=$(stat -c '%a %u:%g %n' $devices)
guest sh -c 'chmod 600 "$@"; chown 33:33 "$@"; echo x >/dev/null && echo writes; head -c 2 /dev/zero | wc -c' sh $devices
out_has '^writes$'
out_has '^2$'
after=$(stat -c '%a %u:%g %n' $devices)
if [ "$before" != "$after" ]; then # repaired at once
	chmod 666 $devices
	chown 0:0 $devices
fi
same "$before" "$after" 'the devices'

it 'an fd that is swapped while the tracer writes what it shows doesn'\''t hold it up'
mkfifo "$root/tmp/fifo"
: >"$root/tmp/empty"
for path in /proc/self/maps /proc/self/uid_map; do
	guest /helpers/hostile swap /tmp/fifo "$path" 1
	out unchanged
	guest /helpers/hostile swap /tmp/empty "$path" 1
	out unchanged
done

done_testing
