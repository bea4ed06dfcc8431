# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Where writes go: the root filesystem itself, a scratch layer, or nowhere.
. "$LIB"

# supported: false, with the difference declared, when this backend can't do --volatile here.
volatile_works() {
	[ "$code" = 125 ] || return 0
	on "$BACKEND" 'a scratch layer is not possible here, and the plan says so' || return 0
	err_has 'layer'
	return 1
}

it 'writes to the root filesystem itself by default, and finds it again'
guest sh -c 'echo kept >/kept'
same kept "$(cat "$root/kept")" 'on the host'
guest cat /kept
out kept

it 'throws writes away with --volatile'
guest --volatile sh -c 'echo gone >/gone; echo changed >/kept; rm /etc/group; cat /gone /kept; ls /etc/group 2>/dev/null'
if volatile_works; then
	out 'gone
changed'
	[ ! -e "$root/gone" ] || fail 'a new file stayed'
	same kept "$(cat "$root/kept")" 'a changed file'
	[ -e "$root/etc/group" ] || fail 'a removed file is gone for good'
fi

it 'sees removed and renamed things as they should be under --volatile'
guest --volatile sh -c 'mv /etc /etc2 && test ! -e /etc/passwd && cat /etc2/hostname >/dev/null && mkdir /etc && ls -A /etc | grep -c passwd'
if volatile_works; then
	[ "$code" = 1 ] || [ "$code" = 0 ] || fail "exit code $code: $(excerpt "$err")"
fi

it 'runs a command on the image host'
amphora run --backend "$BACKEND" host sh -c 'echo in; ls -d /etc /usr'
succeeds
out 'in
/etc
/usr'

it 'writes on the image host never reach the machine'
amphora run --backend "$BACKEND" host sh -c 'echo x >/amphora-was-here; echo x >/etc/amphora-was-here; echo x >/var/tmp/amphora-was-here; true'
for trace in /amphora-was-here /etc/amphora-was-here; do
	[ ! -e "$trace" ] || fail "$trace exists on the host"
done
rm -f /var/tmp/amphora-was-here

it 'refuses changes to the machine itself from the image host'
amphora run --backend "$BACKEND" host sh -c 'rm -f /etc/hostname.amphora; chmod 600 /etc/passwd 2>/dev/null; mv /etc/passwd /etc/p2 2>/dev/null; true'
[ -r /etc/passwd ] || fail '/etc/passwd was touched'
same 644 "$(stat -c %a /etc/passwd)" 'its mode'

it 'leaves nothing in the state directories after a run'
amphora run --backend "$BACKEND" --rootfs "$root" --rm --name remains true
succeeds
same '' "$(find "$HOME" /run/amphora "/tmp/amphora-$(id -u)" "/dev/shm/amphora-$(id -u)" -name '*remains*' 2>/dev/null)" 'left'

it 'shows two containers the same root filesystem at the same time'
guest sh -c 'echo one >/shared-1'
"$AMPHORA" run --backend "$BACKEND" --rootfs "$root" sh -c 'sleep 1; cat /shared-2' >"$WORK/first" 2>&1 &
guest sh -c 'echo two >/shared-2'
wait
same two "$(cat "$WORK/first")" 'what the first saw'

done_testing
