# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034
# Network modes host and none.
. "$LIB"

# A listener on the host's loopback.
cat >"$WORK/listen.py" <<'PY'
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(5)
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
s.settimeout(60)
while True:
    c, _ = s.accept()
    c.sendall(b"from the host\n")
    c.close()
PY
python3 "$WORK/listen.py" "$WORK/port.new" >/dev/null 2>&1 &
listener=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -s "$WORK/port.new" ] && break; sleep 0.2; done
port=$(cat "$WORK/port.new")

it 'reaches the loopback of the host with --network host'
guest --network host nc -w 3 127.0.0.1 "$port"
out 'from the host'

it 'does not reach it with --network none'
guest --network none nc -w 3 127.0.0.1 "$port"
fails
out ''

it 'has unix sockets with --network none'
guest --network none /helpers/work socket
out 'socket ok'

it 'has unix sockets with paths of the container'
guest /helpers/work socket
out 'socket ok'

it 'finds a unix socket of another container through a shared bind'
mkdir "$WORK/sockets"
python3 - "$WORK/sockets/x" <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
s.settimeout(20)
c, _ = s.accept()
c.sendall(b"answer\n")
PY
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S "$WORK/sockets/x" ] && break; sleep 0.2; done
guest -v "$WORK/sockets:/s" /helpers/work connect /s/x
out answer

it 'shows only the loopback device with --network none'
guest --network none sh -c 'ip -o link 2>/dev/null | grep -vc "lo:"'
if on ptrace 'no network namespace: sockets are refused, devices are the host'\''s'; then
	guest --network none sh -c 'nc -w 1 192.0.2.1 80; echo $?'
	out 1
else
	out 0
fi

it 'can use its own loopback with --network none'
guest --network none sh -c 'echo hello | nc -l -p 5555 >/dev/null & sleep 0.3; echo x | nc -w 2 127.0.0.1 5555'
if on ptrace 'only unix sockets without a network namespace'; then
	fails
else
	out hello
fi

it 'refuses nat, naming the facet'
guest --network nat true
refused network

it 'refuses published ports, naming the facet'
guest -p 8080:80 true
refused '(network|port)'

it 'refuses an unknown mode'
guest --network strange true
refused strange

kill "$listener" 2>/dev/null
done_testing
