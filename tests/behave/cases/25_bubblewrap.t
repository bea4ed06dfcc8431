# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# bubblewrap inside: with real mounts on the namespace backend, with emulated ones on the other. Command lines
# as flatpak, glycin and pressure-vessel write them.
. "$LIB"

[ -n "$DEBIAN" ] || { it 'has a Debian root'; skip 'needs root to make one'; done_testing; exit; }
bwrap=$(command -v bwrap) || { it 'has bubblewrap'; skip 'tests/deps.sh installs it'; done_testing; exit; }
mkdir -p "$WORK/opt" && cp "$bwrap" "$WORK/opt/bwrap" && chmod -R a+rX "$WORK/opt"

inside() {
	# shellcheck disable=SC2046 # none or two words
	run "$AMPHORA" run --backend "$BACKEND" --rootfs "$DEBIAN" -v "$WORK/opt:/opt" \
		$([ "$BACKEND" = ns ] && echo --cap-add SYS_ADMIN) "$@"
}

if as root && on ptrace 'ids are real, and root has no CAP_SYS_ADMIN'; then
	it 'refuses bubblewrap with an error'
	inside /opt/bwrap --ro-bind / / true
	fails
	err_has 'bwrap: '
	done_testing
	exit
fi

it 'shows the whole root read-only, with a dev, a proc and a tmp of its own'
inside /opt/bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp sh -c 'ls /tmp | wc -l; touch /x 2>/dev/null || echo read-only; echo x >/tmp/y && cat /tmp/y; ls /dev/null /proc/self/exe; pwd'
out '0
read-only
x
/dev/null
/proc/self/exe
/'

it 'makes a root of binds and symlinks, and nothing else'
inside /opt/bwrap --unshare-ipc --unshare-uts --hostname box --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/bin /bin --symlink usr/lib /lib --proc /proc --dev /dev --bind-try /nonexistent /x --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --setenv A b --chdir /usr --new-session sh -c 'ls /; echo $A; pwd; hostname; ls /..'
out 'bin
dev
etc
lib
lib64
proc
usr
b
/usr
box
bin
dev
etc
lib
lib64
proc
usr'

it 'puts files and data in'
inside sh -c 'echo one >/tmp/one; exec 8</tmp/one 9</tmp/one; rm /tmp/one; /opt/bwrap --ro-bind / / --tmpfs /run --file 8 /run/file --ro-bind-data 9 /etc/hostname --dir /run/a/b --symlink a /run/l --perms 0700 --dir /run/p --remount-ro /run sh -c "cat /run/file /etc/hostname; stat -c %a /run/p; touch /run/x 2>/dev/null || echo read-only; [ -d /run/l/b ] && echo linked"'
out 'one
one
700
read-only
linked'

it 'loads a seccomp filter'
inside sh -c 'printf "\006\000\000\000\000\000\377\177" >/tmp/bpf; exec 8</tmp/bpf; rm /tmp/bpf; /opt/bwrap --ro-bind / / --seccomp 8 sh -c "grep Seccomp: /proc/self/status"'
out_has '2$'

it 'passes the exit code and dies with its parent'
inside /opt/bwrap --ro-bind / / --die-with-parent --unshare-pid sh -c 'exit 7'
status 7

it 'drops capabilities'
inside /opt/bwrap --ro-bind / / --proc /proc --cap-drop ALL --cap-add CAP_CHOWN grep CapEff /proc/self/status
out 'CapEff:	0000000000000001'

if on ns 'user namespaces inside are refused, as by podman'; then
	done_testing
	exit
fi

it 'isolates all, with ids of its own'
inside -u 1000:1000 /opt/bwrap --unshare-all --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp sh -c 'id -u; id -g; cat /proc/self/uid_map; stat -c %u /etc'
out '1000
1000
      1000          0          1
65534'
inside -u 1000:1000 /opt/bwrap --unshare-user --uid 5 --gid 6 --ro-bind / / sh -c 'id -u; id -g'
out '5
6'

it 'has no network with --unshare-net'
inside /opt/bwrap --unshare-all --ro-bind / / python3 -c 'import socket
socket.socket(socket.AF_UNIX)
try: socket.socket()
except OSError as error: print(error.strerror)'
out 'Permission denied'

it 'runs bubblewrap in bubblewrap'
inside /opt/bwrap --unshare-user --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp /opt/bwrap --unshare-user --ro-bind / / --tmpfs /home sh -c 'id -u; touch /tmp/x 2>/dev/null || echo read-only; touch /home/x && ls /home'
out '0
read-only
x'

done_testing
