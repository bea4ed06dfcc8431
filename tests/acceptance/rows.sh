#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real programs at real work, inside a Debian root. The same rows run in a chroot and in a container; run
# compares what they print. Prints "ok NAME" or "not ok NAME" and the end of the row's log.
#   rows.sh install | rows.sh work [row…] | rows.sh upgrade SUITE
# shellcheck disable=SC2317,SC2016,SC2009,SC2012,SC2028 # rows are called by name; other languages' dollars; plain ps and ls
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root PORT=${PORT:-18000}
packages='build-essential git python3 python3-venv nodejs default-jdk-headless postgresql nginx-light curl
	redis-server openssh-server openssh-client tmux vim-tiny gdb strace golang-go rustc ruby php-cli sqlite3 rsync rpm
	busybox fish zsh sudo procps iproute2 perl less man-db file cmake pkg-config libssl-dev ca-certificates'

# row NAME: runs the function row_NAME in a directory of its own.
row() {
	log=/tmp/rows/$1.log
	rm -rf "/tmp/rows/$1"
	mkdir -p "/tmp/rows/$1"
	if (cd "/tmp/rows/$1" && timeout -k 5 "${LIMIT:-600}" bash -e -o pipefail "$0" one "$1") >"$log" 2>&1 </dev/null; then
		echo "ok $1"
	else
		echo "not ok $1"
		tail -n 8 "$log" | sed 's/^/#   /'
	fi
}

# until COMMAND…: a server may take a while.
wait_for() {
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	echo "never: $*"
	return 1
}

row_apt_update() { apt-get update -q; }
row_apt_install() {
	# shellcheck disable=SC2086 # a list
	apt-get install -y -q --no-install-recommends $packages
}
row_dpkg_audit() { test -z "$(dpkg --audit)"; }
row_dpkg_verify() { dpkg -V coreutils bash perl-base libc6 git python3-minimal | tee v; test ! -s v; }
row_apt_remove() { apt-get install -y -q --no-install-recommends hello && hello && apt-get purge -y -q hello && hash -r && ! command -v hello; }
row_statoverride() {
	touch /tmp/so && dpkg-statoverride --update --add man games 2750 /tmp/so
	stat -c '%U:%G %a' /tmp/so | grep -x 'man:games 2750'
	dpkg-statoverride --remove /tmp/so
}

row_gcc() {
	for i in $(seq 20); do echo "int f$i(void) { return $i; }" >"f$i.c"; done
	{ for i in $(seq 20); do echo "int f$i(void);"; done; echo '#include <stdio.h>'; echo 'int main(void) { printf("%d\n", 0'; for i in $(seq 20); do echo "+ f$i()"; done; echo '); return 0; }'; } >main.c
	printf 'all: prog\nprog: %s\n\tgcc -o $@ $^\n' "$(for i in $(seq 20); do printf 'f%s.o ' "$i"; done) main.o" >Makefile
	make -s -j2 && ./prog | grep -x 210
	gcc -static -o s main.c f*.c && ./s | grep -x 210
	gcc -static-pie -o sp main.c f*.c && ./sp | grep -x 210
	printf '#include <iostream>\n#include <thread>\nint main() { std::thread t([] { std::cout << "cxx\\n"; }); t.join(); }\n' >c.cc
	g++ -pthread -o c c.cc && ./c | grep -x cxx
}
row_cmake() {
	printf 'cmake_minimum_required(VERSION 3.10)\nproject(p C)\nadd_executable(p p.c)\nenable_testing()\nadd_test(t p)\n' >CMakeLists.txt
	echo 'int main(void) { return 0; }' >p.c
	cmake -S . -B b && cmake --build b && cd b && ctest
}
row_git() {
	git config --global user.email a@b && git config --global user.name n && git config --global init.defaultBranch main
	git init -q r
	cd r || exit
	for i in $(seq 300); do mkdir -p "d$((i % 7))" && echo "$i" >"d$((i % 7))/f$i"; done
	git add . && git commit -qm one && git status --porcelain | tee ../s && test ! -s ../s
	git gc -q && git fsck --strict && cd .. && git clone -q r c && git clone -q --bare "file://$PWD/r" b && diff -r r/d1 c/d1
	cd c && git worktree add -q ../w && git stash list && echo x >>d1/f1 && git stash -q && git stash pop -q && git diff --stat | grep d1/f1
}
row_python() {
	python3 -c 'import subprocess, multiprocessing, sqlite3, threading, socket, tempfile, os
if True:
    assert subprocess.check_output(["echo", "hi"]) == b"hi\n"
    with multiprocessing.get_context("fork").Pool(4) as p: assert sum(p.map(abs, range(-50, 0))) == 1275
    c = sqlite3.connect("t.db"); c.execute("create table t(a)"); c.executemany("insert into t values(?)", [(i,) for i in range(1000)]); c.commit()
    a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
    s = socket.socket(socket.AF_UNIX); s.bind("sock"); s.listen(); t = socket.socket(socket.AF_UNIX); t.connect("sock"); assert t.getpeername() == "sock"
    f = os.memfd_create("m"); os.write(f, b"m"); assert open("/proc/self/fd/%d" % f, "rb").read() == b"m"'
	python3 -m venv v && v/bin/python -c 'import sys; print(sys.prefix)' | grep -x "$PWD/v"
	python3 -m compileall -q /usr/lib/python3*/json
}
row_node() {
	cat >t.js <<'J'
const http = require('http'), fs = require('fs'), os = require('os'), cp = require('child_process'), { Worker } = require('worker_threads');
for (let i = 0; i < 200; i++) { fs.mkdirSync('m/' + i, { recursive: true }); fs.writeFileSync('m/' + i + '/index.js', 'module.exports=' + i); }
let sum = 0; for (let i = 0; i < 200; i++) sum += require('./m/' + i);
if (sum !== 19900) throw sum;
if (cp.execSync('echo hi') + '' !== 'hi\n') throw 1;
os.networkInterfaces(); os.cpus(); os.uptime();
new Worker('require("worker_threads").parentPort.postMessage(1)', { eval: true }).on('message', () => {
  const s = http.createServer((q, r) => r.end('web')).listen(0, '127.0.0.1', () => http.get({ host: '127.0.0.1', port: s.address().port }, r => r.on('data', d => { console.log('' + d); process.exit(0); })));
});
J
	node t.js | grep -x web
}
row_java() {
	cat >T.java <<'J'
import java.nio.file.*; import java.util.stream.*;
public class T { public static void main(String[] a) throws Exception {
  Path p = Files.createTempFile("t", "x"); Files.writeString(p, "hello"); 
  if (!Files.readString(p).equals("hello")) throw new Error();
  Process q = new ProcessBuilder("echo", "child").start(); String s = new String(q.getInputStream().readAllBytes()); q.waitFor();
  System.out.println(s.trim() + IntStream.range(0, 1000).parallel().sum() + Runtime.getRuntime().availableProcessors()); } }
J
	javac T.java && java T | grep "^child499500$(nproc)\$"
	jshell --version && jar cf t.jar T.class && jar tf t.jar | grep T.class
}
row_postgres() {
	bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
	! "$bin/initdb" -D bad || return 1
	mkdir -p data && chown postgres data && chmod 755 /tmp/rows /tmp/rows/postgres
	su postgres -c "cd data && $bin/initdb -D . -A trust && $bin/pg_ctl -D . -w -o '-p $((PORT + 1)) -k $PWD/data' -l log start"
	su postgres -c "psql -h $PWD/data -p $((PORT + 1)) -c 'create table t as select generate_series(1,1000) a' postgres"
	su postgres -c "psql -h 127.0.0.1 -p $((PORT + 1)) -Atc 'select sum(a) from t' postgres" | grep -x 500500
	su postgres -c "$bin/pg_ctl -D $PWD/data -w -m fast stop"
}
row_nginx() {
	mkdir -p www && echo served >www/index.html && chmod -R a+rX . && chmod 755 /tmp/rows
	printf 'pid %s/pid;\nerror_log /dev/stderr;\nevents {}\nhttp { access_log /dev/stdout; server { listen 127.0.0.1:%s; root %s/www; } }\n' "$PWD" "$((PORT + 2))" "$PWD" >c
	nginx -c "$PWD/c" -g 'daemon on;'
	wait_for curl -sf "http://127.0.0.1:$((PORT + 2))/"
	curl -sf "http://127.0.0.1:$((PORT + 2))/" | grep -x served
	nginx -c "$PWD/c" -s quit
}
row_redis() {
	redis-server --port $((PORT + 3)) --bind 127.0.0.1 --unixsocket "$PWD/s" --daemonize yes --dir "$PWD" --pidfile "$PWD/pid"
	wait_for redis-cli -p $((PORT + 3)) ping
	redis-cli -p $((PORT + 3)) set k v && redis-cli -s "$PWD/s" get k | grep -x v
	redis-cli -p $((PORT + 3)) bgsave && sleep 1 && redis-cli -p $((PORT + 3)) shutdown
	test -s dump.rdb
}
row_sshd() {
	mkdir -p /run/sshd /root/.ssh && chmod 700 /root/.ssh
	ssh-keygen -q -t ed25519 -N '' -f hk && ssh-keygen -q -t ed25519 -N '' -f k && cat k.pub >>/root/.ssh/authorized_keys
	chmod 600 /root/.ssh/authorized_keys
	/usr/sbin/sshd -p $((PORT + 4)) -h "$PWD/hk" -o "PidFile=$PWD/pid" -E "$PWD/log" -o ListenAddress=127.0.0.1
	o="-p $((PORT + 4)) -i $PWD/k -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes"
	# shellcheck disable=SC2086 # words
	ssh $o root@127.0.0.1 'echo in; id -u' | tr '\n' ' ' | grep 'in 0' || { cat log; false; }
	# shellcheck disable=SC2086 # words
	ssh -tt $o root@127.0.0.1 'tty' | grep /dev/pts
	mkdir -p src && echo data >src/f && rsync -a -e "ssh $o" src/ root@127.0.0.1:"$PWD/dst/" && cmp src/f dst/f
	kill "$(cat pid)"
}
row_tmux() {
	tmux -L acc new-session -d -x 80 -y 24 'sh' && sleep 0.5
	tmux -L acc send-keys 'echo from-$((40+2))' Enter && sleep 1
	tmux -L acc capture-pane -p | grep from-42
	tmux -L acc kill-server
}
row_vim() { printf 'one\ntwo\n' >f && vi -es -c '%s/two/three/' -c wq f; grep -x three f; }
row_gdb() {
	printf '#include <stdio.h>\nint f(int x) { return x + 1; }\nint main(void) { printf("%%d\\n", f(41)); return 0; }\n' >p.c && gcc -g -O0 -o p p.c
	gdb -q -batch -ex 'break f' -ex run -ex bt -ex 'print x' -ex finish -ex continue ./p | tee o
	grep -q '\$1 = 41' o && grep -q 'main ()' o && grep -qx 42 o
}
row_strace() {
	strace -f -o o sh -c 'cat /etc/hostname | cat; true' && grep -q 'execve(.*"/usr/bin/cat"\|execve(.*cat' o && grep -q 'exited with 0' o
	strace -f -c -o c ls / >/dev/null && grep -q openat c
}
row_go() {
	export GOFLAGS=-mod=mod GOCACHE=$PWD/cache GO111MODULE=off GOTOOLCHAIN=local
	printf 'package main\nimport ("fmt"; "os/exec"; "net"; "sync")\nfunc main() { o, e := exec.Command("echo", "go").Output(); if e != nil { panic(e) }; l, e := net.Listen("tcp", "127.0.0.1:0"); if e != nil { panic(e) }; l.Close(); var w sync.WaitGroup; for i := 0; i < 50; i++ { w.Add(1); go func() { w.Done() }() }; w.Wait(); fmt.Print(string(o)) }\n' >m.go
	go build -o m m.go && ./m | grep -x go
}
row_rust() {
	printf 'use std::process::Command;\nfn main() { let o = Command::new("echo").arg("rs").output().unwrap(); let h = std::thread::spawn(|| 1); h.join().unwrap(); print!("{}", String::from_utf8(o.stdout).unwrap()); }\n' >m.rs
	rustc -O m.rs && ./m | grep -x rs
}
row_ruby() { ruby -e 'require "json"; require "tmpdir"; pid = fork { exit 3 }; Process.wait pid; Thread.new { 1 }.join; Dir.mktmpdir { |d| File.write(d + "/f", "x") }; puts JSON.dump([$?.exitstatus, `echo rb`.strip])' | grep -x '\[3,"rb"\]'; }
row_php() { php -r '$p = proc_open(["echo","php"],[1=>["pipe","w"]],$q); echo trim(stream_get_contents($q[1])), array_sum(range(1,100)), "\n"; file_put_contents("f","x"); echo realpath("f"),"\n";' | tee o && grep -x php5050 o && grep -x "$PWD/f" o; }
row_sqlite() { (echo 'pragma journal_mode=wal; create table t(a,b);'; for i in $(seq 500); do echo "insert into t values($i,'x$i');"; done) | sqlite3 d.db && sqlite3 d.db 'pragma integrity_check; select count(*) from t' | tr '\n' ' ' | grep 'ok 500'; }
row_rsync() { cp -a /etc src && ln src/passwd src/hard && rsync -aHAX --delete src/ dst/ && diff -r --no-dereference src dst && test "$(stat -c %h dst/hard)" = 2; }
row_tar() { cp -a /etc src && chown -R man:games src/apt && tar --same-owner -cf t.tar src && mkdir x && tar --same-owner -xf t.tar -C x && diff <(cd src && find . -printf '%p %u %g %m %s %l\n' | sort) <(cd x/src && find . -printf '%p %u %g %m %s %l\n' | sort); }
row_rpm() {
	printf 'Name: t\nVersion: 1\nRelease: 1\nSummary: t\nLicense: x\nBuildArch: noarch\n%%description\nt\n%%install\nmkdir -p %%{buildroot}/opt/t\necho hi >%%{buildroot}/opt/t/f\n%%files\n/opt/t/f\n' >t.spec
	rpmbuild --define "_topdir $PWD/top" -bb t.spec && rpm --dbpath "$PWD/db" --nodeps -i top/RPMS/noarch/*.rpm && grep -x hi /opt/t/f && rpm --dbpath "$PWD/db" -q t && rpm --dbpath "$PWD/db" -e t
}
row_busybox() { busybox sh -c 'busybox seq 3 | busybox awk "{s+=\$1} END {print s}"' | grep -x 6 && busybox find /etc -name passwd | grep -x /etc/passwd; }
row_fish() { fish -c 'for i in (seq 3); echo $i; end | string join ,' | grep -x 1,2,3; }
row_zsh() { zsh -c 'a=(*(N)); diff <(echo 1) <(echo 1) && v=1,2; print -l ${(s:,:)v} | tail -1; zmodload zsh/system; cat =(echo tmp)' | tr '\n' ' ' | grep '2 tmp'; }
row_bash() { bash -c 'diff <(seq 5) <(seq 5) && cat <<<here && cat <(echo a) - <<<b && echo to | tee >(cat >f) >/dev/null && sleep 0.3 && cat f' | tr '\n' ' ' | grep 'here a b to'; }
row_su_sudo() {
	su nobody -s /bin/sh -c 'id -un' | grep -x nobody
	sudo -u daemon id -un | grep -x daemon
	(sudo -u daemon sh -c 'sudo -n true' 2>&1 || true) | grep -i password
	userdel -r tester || true
	useradd -m tester
	su - tester -c 'id -un; pwd; touch f; stat -c %U f' | tr "\n" " " | grep "tester /home/tester tester"
	userdel -r tester || true # no mail spool
}
row_ps() {
	ps -ef | grep -q '[p]s -ef'
	top -b -n1 | grep Cpu
	free | grep Mem
	uptime
	vmstat
	pgrep -x bash
	ip addr | grep 127.0.0.1
}
row_man() { man -k printf || true; man true 2>&1 | head -5 | cat; }
row_perl() { perl -MPOSIX -MFile::Temp -MSocket -e 'my $p = fork; if (!$p) { exit 5 } waitpid $p, 0; print $? >> 8, `echo pl`' | grep -x 5pl; }
row_upgrade() {
	sed -i "s/bookworm/$SUITE/g" /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true
	apt-get update -q && apt-get -y -q -o Dpkg::Options::=--force-confold full-upgrade
	apt-get -s full-upgrade | grep '^0 upgraded'
}

work='dpkg_audit dpkg_verify apt_remove statoverride gcc cmake git python node java postgres nginx redis sshd tmux vim gdb
	strace go rust ruby php sqlite rsync tar rpm busybox fish zsh bash su_sudo ps man perl'
case $1 in
one) "row_$2" ;;
install) row apt_update && row apt_install ;;
work)
	shift
	# shellcheck disable=SC2086 # a list
	[ $# -gt 0 ] || set -- $work
	for name in "$@"; do row "$name"; done
	;;
upgrade)
	export SUITE=$2 LIMIT=3000
	row upgrade
	row dpkg_audit
	;;
esac
