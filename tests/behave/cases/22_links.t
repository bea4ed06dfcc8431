# shellcheck shell=sh disable=SC1090,SC2154,SC2016,SC2034,SC2086
# Hard links, the kernel's and emulated ones: on ptrace every link here is emulated.
. "$LIB"

emulated=
[ "$BACKEND" = ns ] || emulated='--hard-links emulated'
# linked COMMAND…: in a container with such links.
# shellcheck disable=SC2086 # words
linked() { guest $emulated "$@"; }

it 'answers random calls on names as a kernel with hard links does'
for seed in 1 2 3; do
	mkdir -p "$WORK/native$seed"
	"$HELPERS/links" "$WORK/native$seed" $seed $((500 / every)) >"$WORK/expected"
	linked sh -c "mkdir /tmp/r$seed && /helpers/links /tmp/r$seed $seed $((500 / every))"
	succeeds
	cmp -s "$WORK/expected" "$out" || fail "seed $seed: $(diff "$WORK/expected" "$out" | head -n 5)"
done

it 'shows names as what they are'
linked sh -c 'cd /root && echo text >a && ln a b && stat -c "%h %F" a b && [ "$(stat -c %i a)" = "$(stat -c %i b)" ] && [ ! -L b ] &&
	ls -a / | grep -c amphora; find /root -type f | sort; readlink b || echo no symlink; [ -e /.amphora-links ] || echo hidden'
out '2 regular file
2 regular file
0
/root/a
/root/b
no symlink
hidden'

it 'keeps them across runs, and when the whole root is moved'
linked sh -c 'cd /root && rm -rf * && mkdir d && echo kept >x && ln x d/y && ln x z && rm x && mv d/y d/w'
succeeds
mv "$root" "$root.moved" && mkdir "$root" && rmdir "$root" && cp -a "$root.moved" "$root" && rm -rf "$root.moved"
linked sh -c 'cd /root && stat -c %h z d/w && echo more >>z && cat d/w && rm z && stat -c %h d/w && cat d/w && rm d/w'
out '2
2
kept
more
1
kept
more'

it 'removes a file with its last name, in whatever order names go'
objects() { find "$root/.amphora-links" -type f ! -name lock 2>/dev/null | wc -l; }
before=$(objects)
linked sh -c 'cd /root && rm -rf * && for i in 1 2 3 4 5; do echo $i >a && ln a b && mv b c && ln c d && rm a && rm d && mv c e && rm e; done; ls -A | wc -l'
out 0
same "$before" "$(objects)" 'objects'

it 'keeps an open file whose names are gone'
linked sh -c 'cd /root && echo open >a && ln a b && exec 5<a && rm a b && cat <&5'
out open

it 'executes, changes and copies through any name'
linked sh -c 'cd /root && rm -rf * && printf "#!/bin/sh\necho ran as \$0\n" >a && ln a b && chmod 755 b && ./a && ./b && touch -d @86400 a && stat -c %Y b &&
	cp -a a copy && stat -c %h copy && tar cf t.tar a b && mkdir out && tar xf t.tar -C out && stat -c %h out/a out/b && cat out/b | wc -l'
out 'ran as ./a
ran as ./b
86400
1
2
2
2'

it 'lets processes make and remove names of one file at a time'
linked sh -c 'cd /root && rm -rf * && echo shared >f
	for w in 1 2 3 4 5 6; do (i=0; while [ $i -lt '"$(turns 60)"' ]; do ln f n$w && mv n$w m$w && rm m$w; i=$((i + 1)); done) & done; wait
	stat -c %h f; cat f; ls'
out '1
shared
f'
err_empty

it 'refuses directories, existing names and other mounts'
mkdir -p "$WORK/other"
linked -v "$WORK/other:/mnt" sh -c 'cd /root && mkdir -p dir && touch here there
	ln dir d2 2>/dev/null || echo directory; ln here there 2>/dev/null || echo exists; ln here /mnt/far 2>/dev/null || echo far; ln missing new 2>/dev/null || echo missing'
out 'directory
exists
far
missing'

it 'makes them in more mounts than it keeps open'
binds=
for i in $(seq 90); do
	mkdir -p "$WORK/many/$i" "$root/many/$i"
	binds="$binds -v $WORK/many/$i:/many/$i"
done
linked $binds sh -c 'cd /many && for i in *; do echo $i >$i/a && ln $i/a $i/b || exit 1; done; for i in *; do stat -c %h $i/a; done | sort | uniq -c; rm */a; cat */b | sort -n | tail -n 1'
out "$(printf '     90 2\n90')"

if [ "$BACKEND" = ptrace ]; then
	it 'refuses to change names while a stopped process has their lock'
	linked sh -c 'cd /root && echo x >l1 && ln l1 l2'
	(flock 9 && exec sleep 60) 9<"$root/.amphora-links/lock" &
	pid=$!
	until [ "$(ps -o comm= "$pid")" = sleep ]; do sleep 0.1; done
	kill -STOP "$pid"
	linked sh -c 'cd /root && { ln l1 l3; rm -f l2; mv -f l1 l2; } 2>&1; ls l*; stat -c %h l1'
	same 3 "$(grep -ci busy "$out")" 'refusals'
	same 'l1 l2 2' "$(tail -n 3 "$out" | tr '\n' ' ' | sed 's/ $//')" 'what is there'
	kill -9 "$pid"
	linked sh -c 'cd /root && ln l1 l3 && rm l2 && stat -c %h l1 && rm l1 l3'
	out 2

	it 'does not let a guest make a name of a file that it may not see'
	linked sh -c 'cd /root && rm -rf * && echo mine >a && ln a b; ln -s /.amphora-links/00/00000000000000000000000000000000 forged 2>&1 | grep -c denied\\\|permitted
		ls /.amphora-links 2>&1 | grep -c "No such"; mkdir /.amphora-links 2>&1 | grep -c "No such\\|exists"'
	out '1
1
1'

	it "reads PRoot's files, wherever the root has been moved"
	mkdir -p "$root/l2s" && echo proot >"$root/l2s/.l2s.file0001.0002"
	ln -s /data/gone/rootfs/l2s/.l2s.file0001.0002 "$root/l2s/.l2s.file0001"
	ln -s /data/gone/rootfs/l2s/.l2s.file0001 "$root/l2s/file"
	ln -s /data/gone/rootfs/l2s/.l2s.file0001 "$root/l2s/other"
	linked sh -c 'cd /l2s && stat -c "%h %F" file other && cat other && echo more >>file && cat other && mv other third && rm file && stat -c %h third && cat third'
	out '2 regular file
2 regular file
proot
proot
more
1
proot
more'
fi

it 'is refused by namespaces, which have the kernel'\''s'
guest --hard-links emulated true
if on ns 'there is nothing to emulate'; then refused 'facet hard links'; else succeeds; fi

it 'takes only the three words'
guest --hard-links sometimes true
refused 'auto, kernel or emulated'

# A root of its own with six names of two files that the emulation made, and five of two that PRoot made.
linked_root() {
	rm -rf "$WORK/real" && mkdir -p "$WORK/real/d/e" "$WORK/real/bin" "$WORK/real/.l2s"
	cp "$root/bin/busybox" "$WORK/real/bin/" && ln -s busybox "$WORK/real/bin/sh"
	mkdir "$WORK/real/.amphora-links" "$WORK/real/.amphora-links/ab" "$WORK/real/.amphora-links/cd"
	: >"$WORK/real/.amphora-links/lock"
	ab=abababababababababababababababab
	cd=cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
	echo ours >"$WORK/real/.amphora-links/ab/$ab"
	echo other >"$WORK/real/.amphora-links/cd/$cd"
	ln -s '4 one' "$WORK/real/.amphora-links/ab/$ab.n"
	ln -s '9 wrong' "$WORK/real/.amphora-links/cd/$cd.n"
	for name in one two d/three d/e/four; do ln -s "/.amphora-links/ab/$ab" "$WORK/real/$name"; done
	for name in d/five d/six; do ln -s "/.amphora-links/cd/$cd" "$WORK/real/$name"; done
	echo proots >"$WORK/real/d/.l2s.pa0001.0003"
	ln -s /data/old/place/root/d/.l2s.pa0001.0003 "$WORK/real/d/.l2s.pa0001"
	for name in pa d/pb d/e/pc; do ln -s /data/old/place/root/d/.l2s.pa0001 "$WORK/real/$name"; done
	echo second >"$WORK/real/.l2s/.l2s.q0001.0002"
	ln -s /data/old/place/root/.l2s/.l2s.q0001.0002 "$WORK/real/.l2s/.l2s.q0001"
	for name in q r; do ln -s /data/old/place/root/.l2s/.l2s.q0001 "$WORK/real/$name"; done
	ln -s one "$WORK/real/symlink"
}
names='one two d/three d/e/four d/five d/six pa d/pb d/e/pc q r'
if [ "$BACKEND" = ptrace ]; then
	it 'amphora links counts them, PRoot'\''s too, and puts a wrong count right'
	linked_root
	chmod 640 "$WORK/real/.amphora-links/ab/$ab"
	amphora links "$WORK/real"
	succeeds
	out '4 files with 11 names
1 wrong count put right'
	amphora links "$WORK/real"
	out '4 files with 11 names'

	it 'amphora links --to-kernel makes them hard links, and leaves nothing of the emulation'
	amphora links --to-kernel "$WORK/real"
	succeeds
	out '4 files with 11 names, now hard links'
	same "$(printf '4 ours\n4 ours\n4 ours\n4 ours\n2 other\n2 other\n3 proots\n3 proots\n3 proots\n2 second\n2 second')" \
		"$(cd "$WORK/real" && for name in $names; do echo "$(stat -c %h "$name") $(cat "$name")"; done)" 'names'
	same '' "$(find "$WORK/real" -name '.amphora*' -o -name '.l2s*')" 'what is left'
	same '640 one' "$(stat -c %a "$WORK/real/one") $(readlink "$WORK/real/symlink")" 'mode and symlink'
	amphora links "$WORK/real"
	out '0 files with 0 names'

	linked sh -c 'cd /root && rm -rf * && echo text >a && ln a b && mkdir d && ln a d/c && chown 5:6 b && ls -l | grep -c " 3 "'
	out 2
	amphora links --to-kernel "$root"
	succeeds
	guest --hard-links kernel sh -c 'cd /root && stat -c "%h %u:%g" d/c && echo more >>a && cat d/c'
	out '3 5:6
text
more'

	it 'amphora links --to-copies makes each name a file, with mode and remembered owner'
	linked_root
	chmod 750 "$WORK/real/.amphora-links/ab/$ab"
	touch -d @86400 "$WORK/real/.amphora-links/ab/$ab"
	if run setfattr -n user.containers.override_stat -v 7:8:0100750 "$WORK/real/.amphora-links/ab/$ab" && [ "$code" = 0 ]; then owned=1; else owned=; fi
	amphora links --to-copies "$WORK/real"
	out '4 files with 11 names, now files of their own'
	same '1 1 1 1 1 1 1 1 1 1 1 ' "$(cd "$WORK/real" && stat -c %h $names | tr '\n' ' ')" 'counts of names'
	same 'ours 750 86400' "$(cd "$WORK/real" && cat d/e/four) $(stat -c '%a %Y' "$WORK/real/d/e/four")" 'a copy'
	[ -z "$owned" ] || same 7:8:0100750 "$(getfattr --absolute-names --only-values -n user.containers.override_stat "$WORK/real/two" 2>&1)" 'owner of a copy'
	same '' "$(find "$WORK/real" -name '.amphora*' -o -name '.l2s*')" 'what is left'

	it 'amphora links keeps files without names and names without files, and follows no symlink out'
	linked_root
	rm "$WORK/real/d/five" "$WORK/real/d/six" "$WORK/real/q" "$WORK/real/r"
	ln -s /.amphora-links/ee/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee "$WORK/real/lost"
	mkdir -p "$WORK/away" && ln -s "/.amphora-links/ab/$ab" "$WORK/away/out" && ln -s "$WORK/away" "$WORK/real/away"
	echo secret >"$WORK/away/ffffffffffffffffffffffffffffffff"
	ln -s "$WORK/away" "$WORK/real/.amphora-links/ff"
	ln -s /.amphora-links/ff/ffffffffffffffffffffffffffffffff "$WORK/real/taken"
	amphora links --to-kernel "$WORK/real"
	succeeds
	same 1 "$(stat -c %h "$WORK/away/ffffffffffffffffffffffffffffffff")" 'names of a file outside'
	out '2 files with 7 names, now hard links
2 files without a name, kept below .amphora-links or as .l2s.*
2 names without a file, kept as symlinks'
	same 'other second' "$(cat "$WORK/real/.amphora-links/cd/$cd" "$WORK/real/.l2s/.l2s.q0001.0002" | tr '\n' ' ' | sed 's/ $//')" 'kept'
	[ -L "$WORK/away/out" ] || fail 'a name outside was changed'

	it 'amphora links refuses what it does not understand'
	amphora links
	refused 'links takes one root filesystem'
	amphora links --to-kernel --to-copies "$WORK/real"
	refused 'one of'
	amphora links "$WORK/real/none"
	refused 'root filesystem .*No such file'
fi

done_testing
